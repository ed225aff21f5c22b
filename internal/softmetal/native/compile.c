#include "compile.h"

#include "objc.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCH "amd64"
#else
#define ARCH "arm64"
#endif

extern char **environ;

enum { NOT_RUN = 127 }; // the child's status if there is no such program, where posix_spawn does not say so

// A file in memory for each of the child's standard files: there is no pipe that could fill up.
typedef struct files {
  int fd[3];
} files;

static bool open_files(files *f) {
  for (int i = 0; i < 3; i++)
    f->fd[i] = memfd_create("mslc", MFD_CLOEXEC);
  return f->fd[0] >= 0 && f->fd[1] >= 0 && f->fd[2] >= 0;
}

static void close_files(const files *f) {
  for (int i = 0; i < 3; i++)
    if (f->fd[i] >= 0)
      close(f->fd[i]);
}

static bool write_all(int fd, const char *text) {
  for (size_t left = strlen(text); left;) {
    ssize_t n = write(fd, text, left);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return false;
    text += n;
    left -= (size_t)n;
  }
  return lseek(fd, 0, SEEK_SET) == 0;
}

// As Apple's compiler says it: a place in the text has a name before it.
static char *name_places(char *messages) {
  char *text = NULL;
  size_t size;
  FILE *out = open_memstream(&text, &size);
  if (!out)
    return messages;
  for (const char *line = messages; *line;) {
    size_t length = strcspn(line, "\n");
    fprintf(out, "%s%.*s", *line >= '0' && *line <= '9' ? "program_source:" : "", (int)length, line);
    line += length;
    if (*line)
      putc(*line++, out);
  }
  fclose(out);
  free(messages);
  return text;
}

// Without the ends of lines at the end.
static char *read_all(int fd) {
  off_t size = lseek(fd, 0, SEEK_END);
  char *text = take_zeroed((size_t)size + 1, 1);
  ssize_t n = pread(fd, text, (size_t)size, 0);
  while (n > 0 && text[n - 1] == '\n')
    text[--n] = 0;
  return text;
}

static int run(const char *compiler, const char *mode, const files *f) {
  char *const arguments[] = {(char *)compiler, "-mode", (char *)mode, "-arch", ARCH, NULL};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  for (int i = 0; i < 3; i++)
    posix_spawn_file_actions_adddup2(&actions, f->fd[i], i);
  pid_t child;
  int code = posix_spawn(&child, compiler, &actions, NULL, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  if (code) {
    dprintf(f->fd[2], "cannot run %s: %s\n", compiler, strerror(code));
    return -1;
  }
  int status;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR)
      return -1;
  if (WIFSIGNALED(status))
    dprintf(f->fd[2], "%s was ended by signal %d\n", compiler, WTERMSIG(status));
  else if (WEXITSTATUS(status) == NOT_RUN)
    dprintf(f->fd[2], "cannot run %s\n", compiler);
  return status;
}

char *compile_metal(const char *text, bool checked, char **error) {
  const char *compiler = getenv("MLXC_MSLC");
  if (!compiler) {
    *error = copy_string("MLXC_MSLC is not set: it names the compiler from Metal's language to objects");
    return NULL;
  }
  files f;
  char *path = NULL;
  if (!open_files(&f) || !write_all(f.fd[0], text))
    *error = copy_string(strerror(errno));
  else if (run(compiler, checked ? "checked" : "flat", &f))
    *error = name_places(read_all(f.fd[2]));
  else
    path = read_all(f.fd[1]);
  close_files(&f);
  return path;
}
