/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Package databases.  That of dpkg is text and read here; those of rpm have several forms, which rpm itself reads, from
 * a copy in a directory of its own: it writes beside what it reads.
 */
#include "packages.h"

#include <fcntl.h>
#include <string.h>

#include "fs.h"
#include "subprocess.h"

#define DPKG_LIMIT     (64 * 1024 * 1024)
#define RPM_LIMIT      (256 * 1024 * 1024)
#define PACKAGES_LIMIT 1000000
#define RPM_OUTPUT     (64 * 1024 * 1024)

void
sc_package_free (ScPackage *package)
{
  g_free (package->name);
  g_free (package->architecture);
  g_free (package->version);
  g_free (package);
}

void
sc_package_change_free (ScPackageChange *change)
{
  g_free (change->name);
  g_free (change->architecture);
  g_free (change->old_version);
  g_free (change->new_version);
  g_free (change);
}

static gboolean
add (GPtrArray *packages, const char *type, const char *name, const char *architecture, const char *version,
     GError **error)
{
  ScPackage *package;

  if (packages->len >= PACKAGES_LIMIT)
    return sc_fail (error, SC_ERROR_LIMIT, "more than %d packages", PACKAGES_LIMIT);
  package = g_new0 (ScPackage, 1);
  package->type = type;
  package->name = g_strdup (name);
  package->architecture = g_strdup (architecture != NULL ? architecture : "");
  package->version = g_strdup (version != NULL ? version : "");
  g_ptr_array_add (packages, package);
  return TRUE;
}

/* -- dpkg -- */

typedef struct
{
  char *package, *status, *architecture, *version;
} Stanza;

static void
stanza_clear (Stanza *stanza)
{
  g_clear_pointer (&stanza->package, g_free);
  g_clear_pointer (&stanza->status, g_free);
  g_clear_pointer (&stanza->architecture, g_free);
  g_clear_pointer (&stanza->version, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Stanza, stanza_clear)

static void
take_field (Stanza *stanza, const char *line)
{
  const struct
  {
    const char *name;
    char **value;
  } fields[] = { { "Package", &stanza->package },
                 { "Status", &stanza->status },
                 { "Architecture", &stanza->architecture },
                 { "Version", &stanza->version } };
  const char *colon = strchr (line, ':');

  for (guint i = 0; colon != NULL && i < G_N_ELEMENTS (fields); i++)
    if (strlen (fields[i].name) == (gsize)(colon - line)
        && g_ascii_strncasecmp (line, fields[i].name, (gsize)(colon - line)) == 0)
      {
        g_free (*fields[i].value);
        *fields[i].value = g_strstrip (g_strdup (colon + 1));
      }
}

/* "want flag status"; the one-file-a-package form of small images has no such field. */
static gboolean
end_stanza (Stanza *stanza, GPtrArray *packages, GError **error)
{
  gboolean ok = TRUE;

  if (stanza->package != NULL && *stanza->package != '\0'
      && (stanza->status == NULL || g_str_has_suffix (stanza->status, " installed")))
    ok = add (packages, "dpkg", stanza->package, stanza->architecture, stanza->version, error);
  stanza_clear (stanza);
  return ok;
}

gboolean
sc_packages_parse_dpkg (GBytes *bytes, GPtrArray *packages, GError **error)
{
  gsize size;
  const char *text = g_bytes_get_data (bytes, &size), *end = text + size;
  g_auto (Stanza) stanza = { 0 };

  while (text < end)
    {
      const char *newline = memchr (text, '\n', (gsize)(end - text));
      g_autofree char *line = g_strndup (text, (gsize)((newline != NULL ? newline : end) - text));

      text = newline != NULL ? newline + 1 : end;
      if (line[strspn (line, " \t\r")] == '\0')
        {
          if (!end_stanza (&stanza, packages, error))
            return FALSE;
        }
      else if (line[0] != ' ' && line[0] != '\t')
        take_field (&stanza, line);
    }
  return end_stanza (&stanza, packages, error);
}

static gboolean
read_dpkg (const ScPackageRoot *root, const char *path, GPtrArray *packages, GCancellable *cancellable, GError **error)
{
  g_autoptr (GError) local = NULL;
  g_autoptr (GBytes) bytes = root->read (root->data, path, DPKG_LIMIT, cancellable, &local);

  if (local != NULL)
    return g_propagate_error (error, g_steal_pointer (&local)), FALSE;
  return bytes == NULL || sc_packages_parse_dpkg (bytes, packages, error) || sc_prefix (error, "%s", path);
}

/* /var/lib/dpkg/status, and the files of status.d, where lists of files and the like lie too. */
static gboolean
list_dpkg (const ScPackageRoot *root, GPtrArray *packages, GCancellable *cancellable, GError **error)
{
  static const char dir[] = "/var/lib/dpkg/status.d";
  g_autoptr (GError) local = NULL;
  g_auto (GStrv) names = NULL;

  if (!read_dpkg (root, "/var/lib/dpkg/status", packages, cancellable, error))
    return FALSE;
  names = root->list (root->data, dir, &local);
  if (local != NULL)
    return g_propagate_error (error, g_steal_pointer (&local)), FALSE;
  for (guint i = 0; names != NULL && names[i] != NULL; i++)
    {
      g_autofree char *path = g_build_filename (dir, names[i], NULL);

      if (!g_str_has_suffix (names[i], ".md5sums") && !read_dpkg (root, path, packages, cancellable, error))
        return FALSE;
    }
  return TRUE;
}

/* -- rpm -- */

/* Copies the database in @dir to the directory @copy; @out_any: whether there was one. */
static gboolean
copy_rpm (const ScPackageRoot *root, const char *dir, int copy, gboolean *out_any, GCancellable *cancellable,
          GError **error)
{
  static const char *const names[] = { "rpmdb.sqlite", "rpmdb.sqlite-wal", "Packages.db", "Index.db", "Packages" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = g_build_filename (dir, names[i], NULL);
      g_autoptr (GError) local = NULL;
      g_autoptr (GBytes) bytes = root->read (root->data, path, RPM_LIMIT, cancellable, &local);
      gconstpointer data;
      gsize size;

      if (local != NULL)
        return g_propagate_error (error, g_steal_pointer (&local)), FALSE;
      if (bytes == NULL)
        continue;
      data = g_bytes_get_data (bytes, &size);
      if (!sc_fs_write_file_at (copy, names[i], data, size, 0600, error))
        return FALSE;
      *out_any = TRUE;
    }
  return TRUE;
}

/* "name architecture version" a line, by tabs. */
static gboolean
parse_rpm (const char *text, GPtrArray *packages, GError **error)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);

  for (guint i = 0; lines[i] != NULL; i++)
    {
      g_auto (GStrv) words = g_strsplit (lines[i], "\t", 3);

      /* Keys that were imported are packages to rpm, but not to anybody else. */
      if (g_strv_length (words) == 3 && strcmp (words[0], "gpg-pubkey") != 0
          && !add (packages, "rpm", words[0], strcmp (words[1], "(none)") == 0 ? NULL : words[1], words[2], error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
query_rpm (const char *copy, GPtrArray *packages, GCancellable *cancellable, GError **error)
{
  const char *argv[] = { "rpm",
                         "--dbpath",
                         copy,
                         "-qa",
                         "--nodigest",
                         "--nosignature",
                         "--queryformat",
                         "%{NAME}\\t%{ARCH}\\t%|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE}\\n",
                         NULL };
  g_autofree char *text = NULL;

  return sc_subprocess_read (argv, NULL, RPM_OUTPUT, &text, cancellable, error) && parse_rpm (text, packages, error);
}

static gboolean
list_rpm_in (const ScPackageRoot *root, const char *copy, GPtrArray *packages, GCancellable *cancellable,
             GError **error)
{
  static const char *const dirs[] = { "/usr/lib/sysimage/rpm", "/var/lib/rpm" };
  SC_AUTOFD int fd = sc_fs_open_dir_at (AT_FDCWD, copy, error);
  gboolean any = FALSE;

  if (fd < 0)
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (dirs) && !any; i++)
    if (!copy_rpm (root, dirs[i], fd, &any, cancellable, error))
      return FALSE;
  return !any || query_rpm (copy, packages, cancellable, error);
}

static gboolean
list_rpm (const ScPackageRoot *root, GPtrArray *packages, char **out_problem, GCancellable *cancellable, GError **error)
{
  g_autofree char *copy = g_dir_make_tmp ("atomic-rpm-XXXXXX", error);
  g_autoptr (GError) local = NULL, ignored = NULL;
  gboolean ok;

  if (copy == NULL)
    return FALSE;
  ok = list_rpm_in (root, copy, packages, cancellable, &local);
  if (!sc_fs_remove_tree_at (AT_FDCWD, copy, &ignored))
    g_debug ("%s", ignored->message);
  if (ok)
    return TRUE;
  if (g_error_matches (local, SC_ERROR, SC_ERROR_UNAVAILABLE) || g_error_matches (local, SC_ERROR, SC_ERROR_FAILED))
    {
      *out_problem = g_strdup (local->message);
      return TRUE;
    }
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

/* -- lists -- */

static int
compare_keys (const ScPackage *a, const ScPackage *b)
{
  int order = strcmp (a->type, b->type);

  if (order == 0)
    order = strcmp (a->name, b->name);
  return order != 0 ? order : strcmp (a->architecture, b->architecture);
}

static int
compare_packages (gconstpointer a, gconstpointer b)
{
  const ScPackage *x = *(const ScPackage *const *)a, *y = *(const ScPackage *const *)b;
  int order = compare_keys (x, y);

  return order != 0 ? order : strcmp (x->version, y->version);
}

GPtrArray *
sc_packages_list (const ScPackageRoot *root, char **out_rpm_problem, GCancellable *cancellable, GError **error)
{
  g_autoptr (GPtrArray) packages = g_ptr_array_new_with_free_func ((GDestroyNotify)sc_package_free);

  *out_rpm_problem = NULL;
  if (!list_dpkg (root, packages, cancellable, error)
      || !list_rpm (root, packages, out_rpm_problem, cancellable, error))
    return NULL;
  g_ptr_array_sort (packages, compare_packages);
  return g_steal_pointer (&packages);
}

static void
report (GPtrArray *changes, const ScPackage *old, const ScPackage *new)
{
  const ScPackage *package = old != NULL ? old : new;
  ScPackageChange *change = g_new0 (ScPackageChange, 1);

  change->type = package->type;
  change->name = g_strdup (package->name);
  change->architecture = g_strdup (package->architecture);
  change->old_version = old != NULL ? g_strdup (old->version) : NULL;
  change->new_version = new != NULL ? g_strdup (new->version) : NULL;
  g_ptr_array_add (changes, change);
}

/* Takes from @packages, at *@at, those that are of the package @key. */
static GPtrArray *
take_group (const GPtrArray *packages, guint *at, const ScPackage *key)
{
  GPtrArray *group = g_ptr_array_new ();

  for (; *at < packages->len && compare_keys (packages->pdata[*at], key) == 0; (*at)++)
    g_ptr_array_add (group, packages->pdata[*at]);
  return group;
}

/* Removes from the sorted groups what both have. */
static void
remove_common (GPtrArray *a, GPtrArray *b)
{
  for (guint i = 0, j = 0; i < a->len && j < b->len;)
    {
      int order = compare_packages (&a->pdata[i], &b->pdata[j]);

      if (order == 0)
        {
          g_ptr_array_remove_index (a, i);
          g_ptr_array_remove_index (b, j);
        }
      else if (order < 0)
        i++;
      else
        j++;
    }
}

/* One package may be there in several versions: one that goes and one that comes are one that changes. */
GPtrArray *
sc_packages_diff (const GPtrArray *a, const GPtrArray *b)
{
  GPtrArray *changes = g_ptr_array_new_with_free_func ((GDestroyNotify)sc_package_change_free);
  guint i = 0, j = 0;

  while (i < a->len || j < b->len)
    {
      const ScPackage *x = i < a->len ? a->pdata[i] : NULL, *y = j < b->len ? b->pdata[j] : NULL;
      const ScPackage *key = x == NULL || (y != NULL && compare_keys (y, x) < 0) ? y : x;
      g_autoptr (GPtrArray) old = take_group (a, &i, key), new = take_group (b, &j, key);

      remove_common (old, new);
      for (guint k = 0; k < MAX (old->len, new->len); k++)
        report (changes, k < old->len ? old->pdata[k] : NULL, k < new->len ? new->pdata[k] : NULL);
    }
  return changes;
}
