/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The program: its table of commands, the way from a command line to a command, and from an error to one line and an
 * exit status.  Nothing else writes error messages or decides how the process ends.
 */
#include "main.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands.h"
#include "help.h"
#include "interrupt.h"
#include "output.h"
#include "progress-bar.h"
#include "version.h"

static const ScCommand *const commands[] = {
  &sc_cmd_pull,
  &sc_cmd_images_list,
  &sc_cmd_images_info,
  &sc_cmd_images_version,
  &sc_cmd_images_update,
  &sc_cmd_images_tag,
  &sc_cmd_images_delete,
  &sc_cmd_images_prune,
  &sc_cmd_images_verify,
  &sc_cmd_images_help,
  &sc_cmd_install,
  &sc_cmd_uninstall,
  &sc_cmd_containers_list,
  &sc_cmd_containers_info,
  &sc_cmd_containers_update,
  &sc_cmd_containers_rollback,
  &sc_cmd_containers_history,
  &sc_cmd_containers_delete,
  &sc_cmd_containers_pin,
  &sc_cmd_containers_unpin,
  &sc_cmd_recover,
  &sc_cmd_run,
  &sc_cmd_stop,
  &sc_cmd_mount,
  &sc_cmd_unmount,
  &sc_cmd_diff,
  &sc_cmd_trust_show,
  &sc_cmd_trust_add,
  &sc_cmd_trust_delete,
  &sc_cmd_trust_default,
  &sc_cmd_help,
  &sc_cmd_dump,
  &sc_cmd_complete,
  NULL,
};

const ScProgram *
sc_program (void)
{
  static const ScProgram program = {
    .name = "atomic",
    .summary = "Pulls OCI images into an OSTree repository and installs them as system containers: read-only "
               "containers that systemd starts through an OCI runtime, with no daemon.",
    .commands = commands,
  };

  return &program;
}

/* The one place that writes to standard error but for progress. */
static void
print_error (const char *prefix, const char *message)
{
  g_autofree char *clean = sc_output_clean (message);

  (void)!fprintf (stderr, "%s%s\n", prefix, clean);
}

static int
report_usage (const GError *error)
{
  print_error ("", error->message);
  return sc_error_exit_status (error);
}

/* Says why @command failed; returns the exit status. */
static int
report_failure (const ScProgram *program, const ScCommand *command, const GError *error, int signal)
{
  g_autofree char *prefix = g_strconcat (program->name, ": ", NULL);
  g_autofree char *message = sc_command_explain (program, command, error);

  g_debug ("error %s %d", g_quark_to_string (error->domain), error->code);
  if (signal != 0 || g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    {
      gboolean cancelled = g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
      g_autofree char *text = g_strconcat ("interrupted", cancelled ? NULL : ": ", message, NULL);

      print_error (prefix, text);
      return signal != 0 ? 128 + signal : sc_error_exit_status (error);
    }
  if (g_error_matches (error, SC_ERROR, SC_ERROR_USAGE))
    {
      g_free (prefix);
      prefix = g_strdup_printf ("%s %s: ", program->name, command->name);
    }
  print_error (prefix, message);
  return sc_error_exit_status (error);
}

static gboolean
run_command (ScInvocation *invocation, const ScCommandLine *line, GError **error)
{
  g_autoptr (ScProgressBar) bar = NULL;
  g_autoptr (ScContext) context = NULL;
  gboolean ok;

  if (line->command->flags & SC_COMMAND_NO_CONTEXT)
    return line->command->run (invocation, error);

  context = line->command->flags & SC_COMMAND_TOLERANT ? sc_context_new_tolerant (line->global.root, error)
                                                       : sc_context_new (line->global.root, error);
  if (!context)
    return FALSE;
  context->debug = line->global.debug;
  g_debug ("%s: root %s, checkouts %s, repository %s", line->command->name, context->root ? context->root : "/",
           context->checkouts, context->repo ? context->repo : "(default)");
  bar = sc_progress_bar_new_standard ();
  sc_progress_bar_set_debug (bar, context->debug);
  invocation->context = context;
  invocation->sink = sc_progress_bar_sink (bar);
  for (guint i = 0; i < context->notes->len; i++)
    sc_progress_note (invocation->sink, "%s", (const char *)context->notes->pdata[i]);
  ok = line->command->run (invocation, error);
  invocation->context = NULL;
  invocation->sink = NULL;
  return ok;
}

/* Results that could not be written are a failure, but one that needs no words when the reader just went away. */
static int
finish_output (const ScProgram *program, int status)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *prefix = g_strconcat (program->name, ": ", NULL);

  if (sc_output_finish (&error))
    return status;
  if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE) && status == 0)
    print_error (prefix, error->message);
  return status != 0 ? status : 1;
}

static int
dispatch (const ScProgram *program, const ScCommandLine *line)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (ScInterrupt) interrupt = NULL;
  g_autoptr (GError) error = NULL;
  int status;
  ScInvocation invocation = {
    .program = program,
    .global = &line->global,
    .options = line->options,
    .args = (const char *const *)line->args->pdata,
    .n_args = line->args->len,
    .assume_yes = line->global.assume_yes,
    .cancellable = cancellable,
  };

  interrupt = sc_interrupt_start (cancellable, &error);
  if (!interrupt)
    return report_failure (program, line->command, error, 0);
  if (run_command (&invocation, line, &error))
    return finish_output (program, invocation.status);
  /* Steps that were taken stand before the error. */
  sc_output_flush (stdout);
  status = report_failure (program, line->command, error, sc_interrupt_signal (interrupt));
  return status == 1 && invocation.status != 0 ? invocation.status : status;
}

static void
print_help (const ScProgram *program, const ScCommandLine *line)
{
  g_autofree char *text = line->command ? sc_help_command (program, line->command)
                          : line->group ? sc_help_group (program, line->group)
                                        : sc_help_program (program);

  sc_output_print (text);
}

/* What holds whatever the command is. */
static void
prepare_process (void)
{
  /* A closed standard stream would give its number to a file that we open. What cannot be written has to be told. */
  for (int fd = 0; fd <= 2; fd++)
    if (fcntl (fd, F_GETFD) < 0 && errno == EBADF)
      (void)!open ("/dev/null", fd == STDOUT_FILENO ? O_RDONLY : O_RDWR);
  /* The reader of our output going away must not stop an installation halfway. */
  (void)signal (SIGPIPE, SIG_IGN);
  umask (022);
  g_log_writer_default_set_use_stderr (TRUE);
}

int
sc_main (int argc, char **argv)
{
  const ScProgram *program = sc_program ();
  g_autoptr (GError) error = NULL;
  g_autoptr (ScCommandLine) line = NULL;

  prepare_process ();
  line = sc_command_line_parse (program, (const char *const *)argv + MIN (argc, 1), &error);
  if (!line)
    return report_usage (error);
  if (line->global.debug)
    g_log_set_debug_enabled (TRUE);
  if (line->global.version)
    sc_output_print (SC_VERSION "\n");
  else if (line->global.help)
    print_help (program, line);
  else
    return dispatch (program, line);
  return finish_output (program, 0);
}
