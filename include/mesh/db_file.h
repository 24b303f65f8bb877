// db_file - opens a SQLite file of ours
// SPDX-License-Identifier: MPL-2.0
//
// For programs that link the library mesh_db.
#ifndef MESH_DB_FILE_H
#define MESH_DB_FILE_H

struct sqlite3;

// As sqlite3_open_v2, with these flags, for one thread. A file that is a link is refused, while
// its directory may be reached by links. One that SQLITE_OPEN_CREATE makes is only its owner's,
// and so is what SQLite puts beside it. Returns what SQLite does; *db_p is to be closed also
// after a failure, and may be NULL then.
int mesh_db_file_open(const char *path, int flags, struct sqlite3 **db_p);

#endif
