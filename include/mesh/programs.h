// programs - where the mesh's other programs are
// SPDX-License-Identifier: MPL-2.0
#ifndef MESH_PROGRAMS_H
#define MESH_PROGRAMS_H

// The path of this program itself, for the caller to free; "aidermesh" when the kernel does not
// tell.
char *mesh_programs_self(void);

// The file to execute for a program of the mesh: the one beside this program, else its name, to
// be looked for in PATH. The caller frees it.
char *mesh_programs_find(const char *name);

// text as one word of a POSIX shell: quoted where it has to be. The caller frees it.
char *mesh_programs_shell_word(const char *text);

#endif
