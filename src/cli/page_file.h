// Where the page of reports lies, once `make web` has built it.
#pragma once

#include <string>

namespace hadal::cli {

// web/report.html beside this program, else under build/ of the working directory or of the source tree. An input
// error that names `make web` where there is none.
std::string find_page();

}  // namespace hadal::cli
