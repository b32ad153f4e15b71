// The pages of `hadal report`, served to this machine alone while what they show still changes.
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace hadal::serve {

// Reads files again when they have changed; one that is not there yet is left out, and one that cannot be read keeps
// what it last showed. Answers GET only, on 127.0.0.1 only, and only to requests that ask for that host: a page from
// elsewhere that makes its name point here gets nothing.
class Viewer {
 public:
  // `page` is the text of web/report.html, read from `page_file`.
  Viewer(const std::string& page, const std::string& page_file, std::string title, std::vector<std::string> files);
  ~Viewer();
  Viewer(const Viewer&) = delete;
  Viewer& operator=(const Viewer&) = delete;

  // Port 0 takes a free one. Returns the port; an input error when it cannot be had.
  int bind(int port);
  // Answers until stopped.
  void run();
  void stop();  // from any thread

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hadal::serve
