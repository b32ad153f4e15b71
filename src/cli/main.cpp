// Everything is in app.cpp, where tests reach it.
#include "cli/app.h"

int main(int argc, char** argv) { return hadal::cli::run(argc, argv); }
