/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Package managers: which one a host has, and what holds for both.  What comes out of a package is checked here: its
 * name goes into command lines.
 */
#include "package-manager.h"

#include <string.h>
#include <sys/stat.h>

#include "package-private.h"
#include "subprocess.h"

#define LIST_MAX  ((gsize)64 * 1024 * 1024) /* of what a tool says if it is asked */
#define BUSY_WAIT (5 * 60 * G_USEC_PER_SEC)
#define BUSY_POLL (G_USEC_PER_SEC / 5)
#define PATIENCE  (24 * 60 * 60) /* seconds: a tool ends by itself */

static int offline; /* atomic */

const ScPackageManager *const sc_package_managers[] = { &sc_package_dpkg, &sc_package_rpm, NULL };

void
sc_package_file_free (ScPackageFile *package)
{
  if (package == NULL)
    return;
  g_free (package->name);
  g_free (package->version);
  g_free (package->architecture);
  g_free (package->id);
  g_free (package);
}

static gboolean
has_program (const char *name)
{
  g_autofree char *path = g_find_program_in_path (name);

  return path != NULL;
}

/* A system of the one family may have the other's programs, and even an empty database of it. */
const ScPackageManager *
sc_package_manager_find (const ScContext *ctx)
{
  g_autofree char *status = sc_context_path (ctx, "/var/lib/dpkg/status"), *database = NULL;
  struct stat st;

  if (stat (status, &st) == 0 && S_ISREG (st.st_mode) && st.st_size > 0 && has_program ("dpkg"))
    return &sc_package_dpkg;
  database = has_program ("rpm") ? sc_rpm_database (ctx) : NULL;
  if (database != NULL)
    return &sc_package_rpm;
  return stat (status, &st) == 0 && S_ISREG (st.st_mode) && has_program ("dpkg") ? &sc_package_dpkg : NULL;
}

/* -- running -- */

/* Nothing, or what a shell writes before it runs a command. */
static gboolean
is_noise (const char *line)
{
  gsize pluses = strspn (line, "+");

  return line[strspn (line, " \t\r")] == '\0' || (pluses > 0 && line[pluses] == ' ');
}

static gboolean
is_error (const char *line)
{
  return g_ascii_strncasecmp (line, "error:", 6) == 0 || strstr (line, ": error:") != NULL
         || (g_str_has_prefix (line, "dpkg") && (strstr (line, ": error") != NULL || strstr (line, "problem") != NULL));
}

/* Of the last errors that follow each other the first: those after it only say what came of it, those of before were no
 * reason to stop.  Else what speaks of an error first, else the last line. -1: there is none. */
static int
find_cause (char **lines)
{
  int error = -1, word = -1, last = -1;
  gboolean follows = FALSE;

  for (int i = 0; lines[i] != NULL; i++)
    {
      if (is_noise (lines[i]))
        continue;
      last = i;
      if (word < 0 && (strstr (lines[i], "rror") != NULL || strstr (lines[i], "problem") != NULL))
        word = i;
      if (g_ascii_isspace (lines[i][0]))
        continue;
      if (is_error (lines[i]) && !follows)
        error = i;
      follows = is_error (lines[i]);
    }
  return error >= 0 ? error : word >= 0 ? word : last;
}

/* (nullable): of a script that failed, what it said last. */
static char *
last_word (char **lines, int at)
{
  if (!g_str_has_prefix (lines[at], "error: Bad exit status"))
    return NULL;
  while (--at >= 0)
    if (!is_noise (lines[at]))
      return g_str_has_prefix (lines[at], "Executing(") ? NULL : lines[at];
  return NULL;
}

/* Both families say there what is wrong, and end in lines that say nothing. */
char *
sc_package_cause (const char *text)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  g_autoptr (GString) cause = g_string_new (NULL);
  int at = find_cause (lines);
  char *word = at >= 0 ? last_word (lines, at) : NULL;

  if (at < 0)
    return g_strdup ("no reason was given");
  if (word != NULL)
    g_string_append_printf (cause, "%s; ", g_strstrip (word));
  g_string_append (cause, g_strstrip (lines[at]));
  /* What stands indented below it. */
  for (at++; lines[at] != NULL && cause->str[cause->len - 1] == ':'; at++)
    {
      if (is_noise (lines[at]))
        continue;
      if (!g_ascii_isspace (lines[at][0]))
        break;
      g_string_append_printf (cause, " %s", g_strstrip (lines[at]));
    }
  return g_string_free (g_steal_pointer (&cause), FALSE);
}

void
sc_package_set_offline (gboolean now)
{
  g_atomic_int_set (&offline, now);
}

gboolean
sc_package_ask (const char *const *argv, char **out_text, GCancellable *cancellable, GError **error)
{
  static const char *const environment[] = { "LC_ALL=C.UTF-8", "LANGUAGE=", NULL };

  return sc_subprocess_read (argv, environment, LIST_MAX, out_text, cancellable, error);
}

gboolean
sc_package_run (const char *const *argv, char **out_text, GCancellable *cancellable, GError **error)
{
  g_autofree char *program = g_find_program_in_path (argv[0]), *text = NULL, *cause = NULL;
  g_autoptr (GPtrArray) words = g_ptr_array_new ();
  g_autoptr (GError) local = NULL;

  if (program == NULL)
    return sc_fail (error, SC_ERROR_UNAVAILABLE, "there is no program '%s'", argv[0]);
  g_ptr_array_add (words, (gpointer) "sh");
  g_ptr_array_add (words, (gpointer) "-c");
  if (g_atomic_int_get (&offline))
    g_ptr_array_add (words, (gpointer) "LC_ALL=C.UTF-8 LANGUAGE= SYSTEMD_OFFLINE=1 exec \"$0\" \"$@\" 2>&1");
  else
    g_ptr_array_add (words, (gpointer) "LC_ALL=C.UTF-8 LANGUAGE= exec \"$0\" \"$@\" 2>&1");
  for (; *argv != NULL; argv++)
    g_ptr_array_add (words, (gpointer)*argv);
  g_ptr_array_add (words, NULL);
  if (sc_subprocess_tail ((const char *const *)words->pdata, PATIENCE, &text, cancellable, &local))
    {
      if (out_text != NULL)
        *out_text = g_steal_pointer (&text);
      return TRUE;
    }
  if (!g_error_matches (local, SC_ERROR, SC_ERROR_FAILED))
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }
  /* The shell is nobody that anybody knows of. */
  if (text == NULL || *text == '\0')
    return sc_fail (error, SC_ERROR_FAILED, "%s: %s", (char *)g_ptr_array_index (words, 3),
                    g_str_has_prefix (local->message, "sh: ") ? local->message + 4 : local->message);
  cause = sc_package_cause (text);
  return sc_fail (error, SC_ERROR_FAILED, "%s: %s", (char *)g_ptr_array_index (words, 3), cause);
}

gboolean
sc_package_build (const ScPackageManager *manager, const char *const *argv, GCancellable *cancellable, GError **error)
{
  g_autoptr (GError) local = NULL;

  if (sc_package_run (argv, NULL, cancellable, &local))
    return TRUE;
  if (g_error_matches (local, SC_ERROR, SC_ERROR_UNAVAILABLE))
    return sc_fail (error, SC_ERROR_UNAVAILABLE, "%s, which makes packages (%s has it)", local->message,
                    manager->comes_with);
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

/* -- what packages say of themselves -- */

static gboolean
is_word (const char *text)
{
  static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-~^:";

  return g_ascii_isalnum (text[0]) && strspn (text, allowed) == strlen (text) && strlen (text) <= 512;
}

ScPackageFile *
sc_package_from_line (const char *line, GError **error)
{
  g_auto (GStrv) fields = g_strsplit (line, "\t", -1);
  ScPackageFile *package;

  if (g_strv_length (fields) != 3)
    return sc_fail_null (error, SC_ERROR_INVALID, "not one package");
  g_strchomp (fields[2]);
  for (guint i = 0; i < 3; i++)
    if (!is_word (fields[i]))
      return sc_fail_null (error, SC_ERROR_INVALID, "it has no good name, version or architecture");
  package = g_new0 (ScPackageFile, 1);
  package->name = g_strdup (fields[0]);
  package->version = g_strdup (fields[1]);
  package->architecture = g_strdup (fields[2]);
  return package;
}

ScPackageFile *
sc_package_known (const char *name, const char *version, GError **error)
{
  ScPackageFile *package;

  if (!is_word (name) || (version != NULL && !is_word (version)))
    return sc_fail_null (error, SC_ERROR_INVALID, "it has no good name or version");
  package = g_new0 (ScPackageFile, 1);
  package->name = g_strdup (name);
  package->version = g_strdup (version);
  return package;
}

gboolean
sc_package_is_capability (const char *text)
{
  return !g_regex_match_simple ("//|^(https?|ftp|file):|\\.(rpm|deb)$|\\.(rpm|deb)\\s|^[-@]|[*?\\[]", text,
                                G_REGEX_CASELESS | G_REGEX_DOLLAR_ENDONLY, 0);
}

ScPackageFile *
sc_package_describe (const ScPackageManager *manager, const ScContext *ctx, const char *file, GCancellable *cancellable,
                     GError **error)
{
  ScPackageFile *package = manager->describe (ctx, file, cancellable, error);

  return package != NULL ? package : sc_prefix_null (error, "%s", file);
}

char **
sc_package_contents (const ScPackageManager *manager, const char *file, GCancellable *cancellable, GError **error)
{
  char **paths = manager->contents (file, cancellable, error);

  return paths != NULL ? paths : sc_prefix_null (error, "%s", file);
}

gboolean
sc_package_find (const ScPackageManager *manager, const ScContext *ctx, const char *name, ScPackageState *out_state,
                 char **out_version, GCancellable *cancellable, GError **error)
{
  g_autofree char *version = NULL;

  if (!manager->find (ctx, name, out_state, &version, cancellable, error))
    return sc_prefix (error, "package %s", name);
  if (out_version != NULL)
    *out_version = g_steal_pointer (&version);
  return TRUE;
}

char **
sc_package_list (const ScPackageManager *manager, const ScContext *ctx, const char *name, GCancellable *cancellable,
                 GError **error)
{
  ScPackageState state;

  if (!sc_package_find (manager, ctx, name, &state, NULL, cancellable, error))
    return NULL;
  if (state == SC_PACKAGE_ABSENT)
    return g_new0 (char *, 1);
  return manager->list (ctx, name, cancellable, error);
}

gboolean
sc_package_prepare (const ScPackageManager *manager, const ScContext *ctx, const char *file, const ScPackagePlan *plan,
                    GCancellable *cancellable, GError **error)
{
  return manager->prepare (ctx, file, plan, cancellable, error) || sc_prefix (error, "its package cannot be installed");
}

gboolean
sc_package_wait (const ScPackageManager *manager, const ScContext *ctx, const ScProgressSink *sink,
                 GCancellable *cancellable, GError **error)
{
  gint64 limit = g_get_monotonic_time () + BUSY_WAIT;
  gboolean told = FALSE;

  while (manager->is_busy != NULL && manager->is_busy (ctx))
    {
      if (g_cancellable_set_error_if_cancelled (cancellable, error))
        return FALSE;
      if (g_get_monotonic_time () > limit)
        return sc_fail (error, SC_ERROR_BUSY, "somebody else changes the host's packages with %s", manager->name);
      if (!told)
        sc_progress_note (sink, "Waiting for another %s that changes the host's packages", manager->name);
      told = TRUE;
      g_usleep (BUSY_POLL);
    }
  return TRUE;
}

/* A manager may say that all went well when its database could not be written. */
static gboolean
check_installed (const ScPackageManager *manager, const ScContext *ctx, const char *file, GError **error)
{
  g_autoptr (ScPackageFile) package = sc_package_describe (manager, ctx, file, NULL, error);
  g_autofree char *version = NULL;
  ScPackageState state;

  if (package == NULL || !sc_package_find (manager, ctx, package->name, &state, &version, NULL, error))
    return FALSE;
  return (state == SC_PACKAGE_INSTALLED && g_strcmp0 (version, package->version) == 0)
         || sc_fail (error, SC_ERROR_FAILED, "%s does not have it afterwards", manager->name);
}

gboolean
sc_package_install (const ScPackageManager *manager, const ScContext *ctx, const char *file, ScPackageMode mode,
                    GCancellable *cancellable, GError **error)
{
  return (manager->install (ctx, file, mode, cancellable, error)
          && (mode == SC_PACKAGE_COMPLETE || check_installed (manager, ctx, file, error)))
         || sc_prefix (error, "cannot install its package");
}

gboolean
sc_package_can_remove (const ScPackageManager *manager, const ScContext *ctx, const char *name,
                       GCancellable *cancellable, GError **error)
{
  ScPackageState state;

  return sc_package_find (manager, ctx, name, &state, NULL, cancellable, error)
         && (state != SC_PACKAGE_INSTALLED || manager->can_remove (ctx, name, cancellable, error)
             || sc_prefix (error, "cannot remove the package %s", name));
}

gboolean
sc_package_remove (const ScPackageManager *manager, const ScContext *ctx, const char *name, char **out_kept,
                   GCancellable *cancellable, GError **error)
{
  ScPackageState state;

  *out_kept = NULL;
  if (!sc_package_find (manager, ctx, name, &state, NULL, cancellable, error))
    return FALSE;
  if (state == SC_PACKAGE_ABSENT)
    return TRUE;
  if (!manager->remove (ctx, name, out_kept, cancellable, error)
      || !sc_package_find (manager, ctx, name, &state, NULL, cancellable, error))
    return sc_prefix (error, "cannot remove the package %s", name);
  return state == SC_PACKAGE_ABSENT
         || sc_fail (error, SC_ERROR_FAILED, "cannot remove the package %s: %s still has it", name, manager->name);
}

gboolean
sc_package_clean (const ScPackageManager *manager, const ScContext *ctx, const char *file, GError **error)
{
  return manager->clean == NULL || manager->clean (ctx, file, error);
}
