/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * load PORT COMMAND [ARG...]
 *
 * Asks the HTTP server on 127.0.0.1:PORT for / without a break, one request after the other, 500 a second at most,
 * while COMMAND runs and until the server has answered for half a second after that.  Prints one line:
 *
 *   REQUESTS LOST GAPS LONGEST
 *
 * A request is lost if it was not answered with the status 200 and a body.  A gap is a run of lost requests; the
 * longest, in microseconds, is measured from the end of the last good answer to the end of the next one.  The output of
 * COMMAND goes to standard error.
 *
 * Exit status: COMMAND's; 125 for an error of this program, also if the server does not come back within a minute.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define OWN_FAILURE    125
#define INTERVAL_USEC  2000
#define SETTLED_USEC   500000
#define PATIENCE_USEC  60000000
#define ANSWER_SECONDS 10

static void
die (const char *what)
{
  fprintf (stderr, "load: %s: %s\n", what, strerror (errno));
  exit (OWN_FAILURE);
}

static int64_t
now_usec (void)
{
  struct timespec t;

  clock_gettime (CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int
connect_to (uint16_t port)
{
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons (port) };
  struct timeval limit = { .tv_sec = ANSWER_SECONDS };
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  if (fd < 0)
    die ("socket");
  address.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
  setsockopt (fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  if (connect (fd, (struct sockaddr *)&address, sizeof address) == 0)
    return fd;
  close (fd);
  return -1;
}

static bool
is_served (uint16_t port)
{
  static const char request[] = "GET / HTTP/1.0\r\nHost: localhost\r\n\r\n";
  char answer[8192];
  size_t have = 0;
  ssize_t n = 0;
  const char *body;
  int fd = connect_to (port);

  if (fd < 0)
    return false;
  if (send (fd, request, sizeof request - 1, MSG_NOSIGNAL) == (ssize_t)(sizeof request - 1))
    while (have < sizeof answer - 1 && (n = recv (fd, answer + have, sizeof answer - 1 - have, 0)) > 0)
      have += (size_t)n;
  close (fd);
  answer[have] = '\0';
  body = strstr (answer, "\r\n\r\n");
  return n == 0 && strncmp (answer, "HTTP/1.", 7) == 0 && strncmp (answer + 8, " 200", 4) == 0 && body != NULL
         && body[4] != '\0';
}

static pid_t
start (char **command)
{
  pid_t child = fork ();

  if (child < 0)
    die ("fork");
  if (child > 0)
    return child;
  dup2 (STDERR_FILENO, STDOUT_FILENO);
  execvp (command[0], command);
  die (command[0]);
  return -1;
}

int
main (int argc, char **argv)
{
  unsigned long requests = 0, lost = 0, gaps = 0;
  int64_t good = now_usec (), longest = 0, ended = 0, steady = 0;
  uint16_t port = argc > 2 ? (uint16_t)atoi (argv[1]) : 0;
  bool in_gap = false;
  int status = 0;
  pid_t child;

  if (port == 0)
    {
      fprintf (stderr, "usage: load PORT COMMAND [ARG...]\n");
      return OWN_FAILURE;
    }
  child = start (argv + 2);
  for (;;)
    {
      int64_t begin = now_usec (), end;
      bool served = is_served (port);

      end = now_usec ();
      requests++;
      lost += !served;
      gaps += !served && !in_gap;
      if (served && in_gap && end - good > longest)
        longest = end - good;
      if (served && (in_gap || steady == 0))
        steady = end;
      if (served)
        good = end;
      in_gap = !served;
      if (ended == 0 && waitpid (child, &status, WNOHANG) == child)
        ended = end;
      if (ended != 0 && served && end - (steady > ended ? steady : ended) > SETTLED_USEC)
        break;
      if (ended != 0 && end - ended > PATIENCE_USEC)
        {
          fprintf (stderr, "load: the server does not come back\n");
          return OWN_FAILURE;
        }
      if (end - begin < INTERVAL_USEC)
        usleep ((useconds_t)(INTERVAL_USEC - (end - begin)));
    }
  printf ("%lu %lu %lu %lld\n", requests, lost, gaps, (long long)longest);
  return WIFEXITED (status) ? WEXITSTATUS (status) : 128 + WTERMSIG (status);
}
