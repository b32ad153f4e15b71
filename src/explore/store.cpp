// The schema, and values in and out of it.
#include "explore/store.h"

#include <sqlite3.h>

#include <fstream>
#include <string_view>

#include "base/error.h"
#include "explore/columns.h"

namespace hadal::explore {
namespace {

using plan::Evaluation;

class Statement {
 public:
  Statement(sqlite3* db, const std::string& path, const std::string& sql) : db_(db), path_(path) {
    if (sqlite3_prepare_v2(db, sql.c_str(), -1, &statement_, nullptr) != SQLITE_OK) fail();
  }
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  // Whether there is a row.
  bool step() {
    const int status = sqlite3_step(statement_);
    if (status != SQLITE_ROW && status != SQLITE_DONE) fail();
    return status == SQLITE_ROW;
  }
  void reset() { sqlite3_reset(statement_); }
  sqlite3_stmt* get() const { return statement_; }
  std::string text(int column) const {
    const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
    return bytes == nullptr ? "" : bytes;
  }

 private:
  [[noreturn]] void fail() const { input_error(path_, "cannot be used as a store: {}", sqlite3_errmsg(db_)); }
  sqlite3* db_;
  const std::string& path_;
  sqlite3_stmt* statement_ = nullptr;
};

}  // namespace

void Store::Close::operator()(sqlite3* db) const { sqlite3_close(db); }

void Store::execute(const std::string& sql) const { Statement(db_.get(), path_, sql).step(); }

Store::Store(const std::string& path, const std::string& fingerprint) : path_(path) {
  sqlite3* db = nullptr;
  const int status = sqlite3_open(path.c_str(), &db);
  db_.reset(db);
  if (status != SQLITE_OK) input_error(path, "cannot be opened as a store: {}", sqlite3_errmsg(db));
  sqlite3_busy_timeout(db, 10000);
  execute("PRAGMA journal_mode = WAL");
  execute(
      "PRAGMA synchronous = NORMAL");  // survives the death of the process; of the machine, all but the last moments
  execute("CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL)");
  execute(fmt::format("CREATE TABLE IF NOT EXISTS points (id INTEGER PRIMARY KEY, refused TEXT NOT NULL, {})",
                      kColumnNames));
  {
    Statement insert(db, path_, "INSERT OR IGNORE INTO meta VALUES ('fingerprint', ?)");
    sqlite3_bind_text(insert.get(), 1, fingerprint.c_str(), -1, SQLITE_TRANSIENT);
    insert.step();
  }
  Statement read(db, path_, "SELECT value FROM meta WHERE key = 'fingerprint'");
  read.step();
  if (read.text(0) != fingerprint) {
    input_error(path, "holds points of another scenario or of other data; give another --store, or remove it");
  }
}

Store Store::open(const std::string& path) {
  Store store;
  store.path_ = path;
  sqlite3* db = nullptr;
  const int status = sqlite3_open_v2(path.c_str(), &db, SQLITE_OPEN_READONLY, nullptr);
  store.db_.reset(db);
  if (status != SQLITE_OK) input_error(path, "cannot be opened as a store: {}", sqlite3_errmsg(db));
  sqlite3_busy_timeout(db, 10000);
  return store;
}

bool Store::is_store(const std::string& path) {
  constexpr std::string_view kMagic = "SQLite format 3";
  std::string head(kMagic.size(), ' ');
  std::ifstream in(path, std::ios::binary);
  return in.read(head.data(), static_cast<std::streamsize>(head.size())) && head == kMagic;
}

void Store::describe(const std::string& text) {
  Statement insert(db_.get(), path_, "INSERT OR REPLACE INTO meta VALUES ('description', ?)");
  sqlite3_bind_text(insert.get(), 1, text.c_str(), -1, SQLITE_TRANSIENT);
  insert.step();
}

std::string Store::description() const {
  Statement read(db_.get(), path_, "SELECT value FROM meta WHERE key = 'description'");
  return read.step() ? read.text(0) : "";
}

std::vector<std::pair<std::string, double Evaluation::*>> Store::columns() {
  std::vector<std::pair<std::string, double Evaluation::*>> out;
  std::string_view rest = kColumnNames;
  for (const auto member : kColumns) {
    const size_t comma = rest.find(", ");
    out.emplace_back(rest.substr(0, comma), member);
    rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 2);
  }
  return out;
}

std::map<std::string, uint64_t> Store::refused() const {
  std::map<std::string, uint64_t> out;
  Statement select(db_.get(), path_, "SELECT refused, COUNT(*) FROM points WHERE refused != '' GROUP BY refused");
  while (select.step()) out[select.text(0)] = static_cast<uint64_t>(sqlite3_column_int64(select.get(), 1));
  return out;
}

void Store::add(const std::vector<Evaluation>& points) {
  std::string sql = fmt::format("INSERT OR IGNORE INTO points (id, refused, {}) VALUES (?, ?", kColumnNames);
  for (size_t i = 0; i < std::size(kColumns); ++i) sql += ", ?";
  Statement insert(db_.get(), path_, sql + ")");
  execute("BEGIN IMMEDIATE");
  for (const Evaluation& e : points) {
    sqlite3_bind_int64(insert.get(), 1, static_cast<sqlite3_int64>(e.id));
    sqlite3_bind_text(insert.get(), 2, e.refused.c_str(), -1, SQLITE_TRANSIENT);
    int column = 3;
    for (const auto member : kColumns) sqlite3_bind_double(insert.get(), column++, e.*member);
    insert.step();
    insert.reset();
  }
  execute("COMMIT");
}

std::vector<uint64_t> Store::ids() const {
  std::vector<uint64_t> all;
  Statement select(db_.get(), path_, "SELECT id FROM points ORDER BY id");
  while (select.step()) all.push_back(static_cast<uint64_t>(sqlite3_column_int64(select.get(), 0)));
  return all;
}

uint64_t Store::count() const {
  Statement select(db_.get(), path_, "SELECT COUNT(*) FROM points");
  select.step();
  return static_cast<uint64_t>(sqlite3_column_int64(select.get(), 0));
}

std::vector<Evaluation> Store::possible() const {
  std::vector<Evaluation> all;
  Statement select(db_.get(), path_,
                   fmt::format("SELECT id, {} FROM points WHERE refused = '' ORDER BY id", kColumnNames));
  while (select.step()) {
    Evaluation e;
    e.id = static_cast<uint64_t>(sqlite3_column_int64(select.get(), 0));
    int column = 1;
    for (const auto member : kColumns) e.*member = sqlite3_column_double(select.get(), column++);
    all.push_back(std::move(e));
  }
  return all;
}

}  // namespace hadal::explore
