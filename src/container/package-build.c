/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Building packages.  The image is trusted with what it brings as a package - its scriptlets run as root - but nothing
 * of it gets elsewhere by being written into a file that a tool reads.
 */
#include "package-build.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs.h"
#include "host-package.h"
#include "package-attributes.h"
#include "package-changed.h"
#include "package-owners.h"
#include "package-text.h"
#include "package-tree.h"
#include "subprocess.h"
#include "template.h"

#define READY_LIMIT ((gint64)1 << 32) /* of a ready package */
#define SPEC_NAME   "container.spec"

/* -- which -- */

gboolean
sc_package_choice_check (const char *choice, GError **error)
{
  static const char *const choices[] = { "auto", "yes", "no", "build", NULL };

  return choice == NULL || g_strv_contains (choices, choice)
         || sc_fail (error, SC_ERROR_USAGE, "--system-package=%s: it can be auto, yes, no or build", choice);
}

static int
open_ready (int rootfs, const ScPackageManager *manager)
{
  return sc_fs_open_in_root (rootfs, manager->image_file, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0, NULL);
}

gboolean
sc_package_choose (const ScContext *ctx, const char *choice, int rootfs, const ScExports *exports,
                   const ScPackageManager **out_manager, GError **error)
{
  const ScPackageManager *manager = NULL;
  SC_AUTOFD int ready = -1;

  *out_manager = NULL;
  if (g_strcmp0 (choice, "no") == 0)
    return TRUE;
  manager = sc_package_manager_find (ctx);
  if (choice == NULL || strcmp (choice, "auto") == 0)
    {
      ready = manager != NULL ? open_ready (rootfs, manager) : -1;
      if (ready >= 0 || (manager == &sc_package_rpm && (exports->rpm_spec || exports->rpm_spec_template)))
        *out_manager = manager;
      return TRUE;
    }
  *out_manager = manager;
  return manager != NULL
         || sc_fail (error, SC_ERROR_UNAVAILABLE,
                     "--system-package=%s: the host has neither a database of rpm nor of dpkg, with its program",
                     choice);
}

/* -- a ready one -- */

static gboolean
copy_ready (const ScPackageInput *input, int fd, char **out_file, GError **error)
{
  g_autofree char *file = sc_host_package_file (input->manager), *path = g_build_filename (input->work, file, NULL);
  SC_AUTOFD int out = open (path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  g_autofree char *buffer = g_malloc (1 << 16);
  gssize n = 0;
  struct stat st;

  if (out < 0)
    return sc_fail_errno (error, errno, "%s", path);
  if (fstat (fd, &st) != 0 || !S_ISREG (st.st_mode) || st.st_size > READY_LIMIT)
    return sc_fail (error, SC_ERROR_INVALID, "%s: not a file of at most 4 GiB", input->manager->image_file);
  while ((n = read (fd, buffer, 1 << 16)) > 0 || (n < 0 && errno == EINTR))
    if (n > 0 && !sc_fs_write_all (out, buffer, (gsize)n, error))
      return sc_prefix (error, "%s", file);
  if (n < 0)
    return sc_fail_errno (error, errno, "%s", input->manager->image_file);
  *out_file = g_steal_pointer (&path);
  return TRUE;
}

/* -- common -- */

char **
sc_package_list_of (const ScContext *ctx, const ScDeployment *d, GCancellable *cancellable, GError **error)
{
  g_auto (ScHostPackage) package = { 0 };

  if (d != NULL && !d->preinstalled && !sc_host_package_load (ctx, d->name, d->number, &package, error))
    return NULL;
  return package.manager == NULL ? g_new0 (char *, 1)
                                 : sc_package_list (package.manager, ctx, package.package->name, cancellable, error);
}

/* (transfer full) (nullable): paths that are the live deployment's. */
static GHashTable *
find_owned (const ScPackageInput *input, GError **error)
{
  g_autoptr (GHashTable) owned = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  const ScDeployment *old = input->old;
  g_auto (GStrv) paths = NULL;

  if (old == NULL || old->preinstalled)
    return g_steal_pointer (&owned);
  for (char **file = old->installed_files; file != NULL && *file != NULL; file++)
    g_hash_table_add (owned, g_strdup (*file));
  for (char **dir = old->installed_dirs; dir != NULL && *dir != NULL; dir++)
    g_hash_table_add (owned, g_strdup (*dir));
  paths = sc_package_list_of (input->ctx, old, input->cancellable, error);
  if (paths == NULL)
    return NULL;
  for (char **path = paths; *path != NULL; path++)
    g_hash_table_add (owned, g_strdup (*path));
  return g_steal_pointer (&owned);
}

static gboolean
note_attributes (const ScPackageInput *input, GError **error)
{
  g_autofree char *first = NULL;
  guint count = 0;

  if (!sc_package_attributes_find (input->tree, &count, &first, error))
    return FALSE;
  if (count > 0)
    sc_progress_note (input->sink, "%s: capabilities and extended attributes of %u file%s are not in the package: %s%s",
                      input->container, count, count > 1 ? "s" : "", first, count > 1 ? ", ..." : "");
  return TRUE;
}

static gboolean
scan (const ScPackageInput *input, ScPackageTree *out_tree, GError **error)
{
  g_autoptr (GHashTable) owned = find_owned (input, error);
  ScPackageTreeInput tree = { .ctx = input->ctx,
                              .tree = input->tree,
                              .container = input->container,
                              .owned = owned,
                              .keep_host = input->whole == NULL,
                              .whole = input->whole,
                              .sink = input->sink };

  return owned != NULL && sc_package_tree_scan (&tree, out_tree, error) && note_attributes (input, error);
}

static gboolean
write_text (const char *dir, const char *file, const char *text, GError **error)
{
  g_autofree char *path = g_build_filename (dir, file, NULL);

  return sc_fs_write_file_at (AT_FDCWD, path, text, strlen (text), 0644, error);
}

/* -- rpm -- */

/* rpm expands macros, some of which run programs, more than once in a line of %files, and looks for its directives in
 * the whole of it: neither quotes nor any number of percent signs make one that stands for itself in every version. */
static gboolean
check_macros (const ScPackageTree *tree, GError **error)
{
  for (guint i = 0; i < tree->files->len + tree->dirs->len; i++)
    {
      const char *path = i < tree->files->len ? g_ptr_array_index (tree->files, i)
                                              : g_ptr_array_index (tree->dirs, i - tree->files->len);

      if (strchr (path, '%') != NULL)
        return sc_fail (error, SC_ERROR_INVALID, "%s: '%%' cannot be in the name of a file of an rpm", path);
    }
  return TRUE;
}

/* (transfer full): lines of %files.  A name in quotes stands for itself; what is in the tree is in the package anyway.
 */
static char *
list_files (const ScPackageTree *tree, const char *whole)
{
  GString *lines = g_string_new ("%defattr(-,root,root,-)\n");

  for (guint i = 0; i < tree->files->len; i++)
    {
      const char *path = g_ptr_array_index (tree->files, i);

      g_string_append_printf (lines, "%s\"%s\"\n", sc_package_tree_is_config (path) ? "%config(noreplace) " : "", path);
    }
  for (guint i = 0; i < tree->dirs->len; i++)
    g_string_append_printf (lines, "%%dir \"%s\"\n", (char *)g_ptr_array_index (tree->dirs, i));
  if (whole != NULL)
    g_string_append_printf (lines, "\"%s\"\n", whole);
  return g_string_free (lines, FALSE);
}

static char *
generated_spec (const ScPackageInput *input, GError **error)
{
  g_autoptr (ScPackageText) text =
      sc_package_text_new (SC_PACKAGE_TEXT_RPM, input->container, input->image, input->labels, input->number, error);
  g_auto (ScPackageTree) tree = { 0 };
  g_autofree char *files = NULL, *spec = NULL, *owners = NULL;
  SC_AUTOFD int below = -1;

  if (text == NULL || !scan (input, &tree, error) || !check_macros (&tree, error))
    return NULL;
  files = list_files (&tree, input->whole);
  spec = sc_package_text_spec (text, files);
  if (input->whole == NULL)
    return g_steal_pointer (&spec);
  below = sc_fs_open_dir_at (input->tree, input->whole + 1, error);
  owners = below >= 0 ? sc_package_owners_script (below, input->whole, error) : NULL;
  return owners != NULL ? g_strconcat (spec, owners, NULL) : NULL;
}

/* (transfer full) (nullable): the image's own. */
static char *
image_spec (const ScPackageInput *input, GError **error)
{
  const ScExports *e = input->exports;
  g_autoptr (ScExpansion) spec = NULL;

  if (e->rpm_spec != NULL)
    return g_strdup (e->rpm_spec);
  spec = sc_template_expand ("rpm.spec.template", e->rpm_spec_template, input->values, error);
  if (spec == NULL || !sc_expansion_check_lines (spec, "rpm.spec.template", error))
    return NULL;
  return g_steal_pointer (&spec->text);
}

static void
add_macro (GPtrArray *argv, const char *name, const char *value)
{
  g_autofree char *escaped = sc_package_text_escape (value);

  g_ptr_array_add (argv, g_strdup ("--define"));
  g_ptr_array_add (argv, g_strconcat (name, " ", escaped, NULL));
}

/* (transfer full) (nullable): the one file that is in @dir. */
static char *
only_file (const char *dir, GError **error)
{
  g_auto (GStrv) files = sc_fs_list_dir_at (AT_FDCWD, dir, error);

  if (files == NULL)
    return NULL;
  if (g_strv_length (files) != 1)
    return sc_fail_null (error, SC_ERROR_INVALID, "its spec makes %u packages instead of one", g_strv_length (files));
  return g_build_filename (dir, files[0], NULL);
}

/* A spec of an image finds the files in its build root already, unless it or its rpm clears that first. */
static gboolean
fill_build_root (const ScPackageInput *input, const char *root, GError **error)
{
  g_autofree char *from = g_strconcat (input->tree_path, "/.", NULL);
  const char *argv[] = { "cp", "-a", "--reflink=auto", "--", from, root, NULL };

  return sc_fs_mkdir_p_at (AT_FDCWD, root, 0755, error)
         && sc_package_build (input->manager, argv, input->cancellable, error);
}

/* The paths stand in scripts of rpm. */
static gboolean
check_place (const char *path, GError **error)
{
  static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/+-";

  return path[strspn (path, allowed)] == '\0'
         || sc_fail (error, SC_ERROR_UNSUPPORTED,
                     "rpmbuild: '%s': only letters, digits and ._/+- can be in the path of its files", path);
}

static gboolean
build_rpm (const ScPackageInput *input, gboolean own, char **out_file, GError **error)
{
  g_autofree char *spec = !check_place (input->tree_path, error) ? NULL
                          : own                                  ? image_spec (input, error)
                                                                 : generated_spec (input, error);
  g_autofree char *top = g_build_filename (input->work, "top", NULL),
                  *out = g_build_filename (input->work, "out", NULL),
                  *root = g_build_filename (input->work, "root", NULL),
                  *file = g_build_filename (input->work, SPEC_NAME, NULL);
  g_autoptr (GPtrArray) argv = g_ptr_array_new_with_free_func (g_free);

  if (spec == NULL || !sc_fs_mkdir_p_at (AT_FDCWD, top, 0755, error) || !sc_fs_mkdir_p_at (AT_FDCWD, out, 0755, error)
      || !write_text (input->work, SPEC_NAME, spec, error) || (own && !fill_build_root (input, root, error)))
    return FALSE;
  g_ptr_array_add (argv, g_strdup (input->manager->builder));
  g_ptr_array_add (argv, g_strdup ("-bb"));
  add_macro (argv, "_topdir", top);
  add_macro (argv, "_rpmdir", out);
  add_macro (argv, "_sourcedir", input->tree_path);
  add_macro (argv, "_tmppath", top);
  add_macro (argv, "atomic_hostfs", input->tree_path);
  g_ptr_array_add (argv, g_strdup ("--define"));
  g_ptr_array_add (argv, g_strdup ("_rpmfilename %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm"));
  if (own)
    {
      g_ptr_array_add (argv, g_strdup ("--define"));
      g_ptr_array_add (argv, g_strdup ("__spec_install_pre %{___build_pre}"));
      g_ptr_array_add (argv, g_strdup ("--buildroot"));
      g_ptr_array_add (argv, g_strdup (root));
    }
  g_ptr_array_add (argv, g_strdup ("--"));
  g_ptr_array_add (argv, g_strdup (file));
  g_ptr_array_add (argv, NULL);
  if (!sc_package_build (input->manager, (const char *const *)argv->pdata, input->cancellable, error))
    return FALSE;
  *out_file = only_file (out, error);
  return *out_file != NULL;
}

/* -- Debian -- */

/* (transfer full) (nullable): configuration files, for DEBIAN/conffiles.  A line is cut at its first space there. */
static char *
list_config (const ScPackageTree *tree, int dfd)
{
  GString *lines = g_string_new (NULL);

  for (guint i = 0; i < tree->files->len; i++)
    {
      const char *path = g_ptr_array_index (tree->files, i);
      struct stat st;

      if (sc_package_tree_is_config (path) && strchr (path, ' ') == NULL
          && fstatat (dfd, path + 1, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG (st.st_mode))
        g_string_append_printf (lines, "%s\n", path);
    }
  return g_string_free (lines, FALSE);
}

static char *
architecture (const ScPackageInput *input, GError **error)
{
  const char *argv[] = { "dpkg", "--print-architecture", NULL };
  char *text = NULL;

  return sc_subprocess_run (argv, NULL, &text, input->cancellable, error) ? g_strchomp (text) : NULL;
}

static gboolean
write_control (const ScPackageInput *input, GError **error)
{
  g_autoptr (ScPackageText) text =
      sc_package_text_new (SC_PACKAGE_TEXT_DEB, input->container, input->image, input->labels, input->number, error);
  g_auto (ScPackageTree) tree = { 0 };
  g_autofree char *dir = g_build_filename (input->tree_path, "DEBIAN", NULL), *control = NULL, *config = NULL,
                  *arch = NULL;

  if (text == NULL || !scan (input, &tree, error) || (arch = architecture (input, error)) == NULL)
    return FALSE;
  control = sc_package_text_control (text, arch, tree.bytes / 1024 + 1);
  config = list_config (&tree, input->tree);
  if (mkdirat (input->tree, "DEBIAN", 0755) != 0)
    return sc_fail_errno (error, errno, "/DEBIAN");
  return write_text (dir, "control", control, error)
         && (*config == '\0' || write_text (dir, "conffiles", config, error));
}

/* tar would write the names that owners have on this system, and dpkg would go by them. */
static gboolean
write_tar (const ScPackageInput *input, char **out_dir, GError **error)
{
  g_autofree char *dir = g_build_filename (input->work, "bin", NULL), *path = g_build_filename (dir, "tar", NULL),
                  *tar = g_find_program_in_path ("tar"), *quoted = g_shell_quote (tar != NULL ? tar : "tar"),
                  *script = g_strdup_printf ("#!/bin/sh\nexec %s --numeric-owner \"$@\"\n", quoted);

  *out_dir = g_strdup (dir);
  return sc_fs_mkdir_p_at (AT_FDCWD, dir, 0755, error)
         && sc_fs_write_file_at (AT_FDCWD, path, script, strlen (script), 0755, error);
}

static gboolean
run_deb (const ScPackageInput *input, const char *out, GError **error)
{
  const char *builder = input->manager->builder;
  const char *roots[] = { builder, "--root-owner-group", "--build", "--", input->tree_path, out, NULL };
  g_autofree char *dir = NULL;

  if (input->whole == NULL)
    return sc_package_build (input->manager, roots, input->cancellable, error);
  if (!write_tar (input, &dir, error))
    return FALSE;
  const char *owners[] = {
    "env", "sh", "-c", "PATH=\"$0:$PATH\" exec \"$@\"", dir, builder, "--build", "--", input->tree_path, out, NULL
  };
  return sc_package_build (input->manager, owners, input->cancellable, error);
}

static gboolean
build_deb (const ScPackageInput *input, char **out_file, GError **error)
{
  g_autofree char *out = g_build_filename (input->work, "package.deb", NULL);

  if (!write_control (input, error) || !run_deb (input, out, error))
    return FALSE;
  *out_file = g_steal_pointer (&out);
  return sc_fs_remove_tree_at (input->tree, "DEBIAN", error);
}

/* -- all -- */

/* Before anything changes.  An old package of another name goes before this one comes. */
static gboolean
prepare (const ScPackageInput *input, const char *file, const ScPackageFile *package, GError **error)
{
  g_auto (ScHostPackage) old = { 0 };
  ScPackagePlan plan = { .fetch = TRUE };

  if (input->old != NULL && !input->old->preinstalled
      && !sc_host_package_load (input->ctx, input->old->name, input->old->number, &old, error))
    return FALSE;
  if (old.manager == input->manager && strcmp (old.package->name, package->name) != 0)
    plan.replaces = old.package->name;
  return sc_package_wait (input->manager, input->ctx, input->sink, input->cancellable, error)
         && sc_package_prepare (input->manager, input->ctx, file, &plan, input->cancellable, error);
}

/* A package that the host has for its own reasons is not to become the container's, and go with it. */
static gboolean
check_foreign (const ScPackageInput *input, const ScPackageFile *package, GError **error)
{
  g_auto (ScHostPackage) old = { 0 };
  ScPackageState state;
  gboolean shared = FALSE;

  if (!sc_package_find (input->manager, input->ctx, package->name, &state, NULL, input->cancellable, error))
    return FALSE;
  if (state == SC_PACKAGE_ABSENT)
    return TRUE;
  if (input->old != NULL && !input->old->preinstalled
      && !sc_host_package_load (input->ctx, input->old->name, input->old->number, &old, error))
    return FALSE;
  if (old.manager != NULL && strcmp (old.package->name, package->name) == 0)
    return TRUE;
  return sc_host_package_is_shared (input->ctx, input->container, package->name, &shared, error)
         && (shared
             || sc_fail (error, SC_ERROR_FAILED, "its package %s is installed already, and not for a container",
                         package->name));
}

gboolean
sc_package_make (const ScPackageInput *input, char **out_file, ScPackageFile **out_package, GError **error)
{
  g_autofree char *file = NULL;
  g_autoptr (ScPackageFile) package = NULL;
  SC_AUTOFD int ready = input->whole == NULL ? open_ready (input->rootfs, input->manager) : -1;
  gboolean rpm = input->manager == &sc_package_rpm,
           own = input->whole == NULL && rpm && (input->exports->rpm_spec || input->exports->rpm_spec_template);

  if (ready >= 0 ? !copy_ready (input, ready, &file, error)
      : rpm      ? !build_rpm (input, own, &file, error)
                 : !build_deb (input, &file, error))
    return FALSE;
  package = sc_package_describe (input->manager, input->ctx, file, input->cancellable, error);
  if (package == NULL
      || (input->whole == NULL
          && !sc_package_check_changed (input->ctx, input->manager, file, input->old, input->cancellable, error))
      || ((ready >= 0 || own) && !check_foreign (input, package, error))
      || (input->whole == NULL && !prepare (input, file, package, error)))
    return FALSE;
  *out_file = g_steal_pointer (&file);
  *out_package = g_steal_pointer (&package);
  return TRUE;
}
