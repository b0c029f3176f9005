/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What an installation would do, found out by reading: /exports of the image as it lies in the repository, or of the
 * directory that is to be the root.
 */
#include "install-display.h"

#include <fcntl.h>
#include <string.h>

#include "config-json.h"
#include "fs.h"
#include "host-unit.h"
#include "image-info.h"
#include "image-tree.h"
#include "live.h"
#include "package-build.h"
#include "remote.h"
#include "template.h"
#include "values.h"

#define HOSTFS "exports/hostfs"

typedef struct
{
  const ScMakeInput *input;
  int rootfs;   /* of the directory that is to be the root; -1: the image's */
  ScNode *tree; /* (nullable): of the image, if it is needed */
  ScExports *exports;
  GHashTable *values;
  gboolean has_volumes;
} Display;

static void
display_clear (Display *d)
{
  if (d->rootfs >= 0)
    (void)!close (d->rootfs);
  g_clear_pointer (&d->tree, sc_node_free);
  g_clear_pointer (&d->exports, sc_exports_free);
  g_clear_pointer (&d->values, g_hash_table_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Display, display_clear)

static gboolean
load_exports (Display *d, GError **error)
{
  const ScMakeInput *input = d->input;
  g_autoptr (ScImageConfig) config = sc_image_load_config (input->store, input->image, input->cancellable, error);

  if (config == NULL)
    return FALSE;
  d->has_volumes = config->volumes != NULL && config->volumes[0] != NULL;
  if (input->remote != NULL && (d->rootfs = sc_remote_open (input->ctx, input->remote, error)) < 0)
    return FALSE;
  d->exports = d->rootfs >= 0 ? sc_exports_load (d->rootfs, error)
                              : sc_image_exports (input->store, input->image, input->cancellable, error);
  return d->exports != NULL && sc_exports_add_labels (d->exports, config->labels, error);
}

static gboolean
resolve_values (Display *d, GError **error)
{
  g_autofree char *destdir = g_strdup_printf ("%s/%s.0", d->input->ctx->checkouts, d->input->name);

  d->values = sc_make_values (d->input, destdir, d->exports, error);
  return d->values != NULL;
}

static gboolean
check_template (const Display *d, const char *file, const char *text, GError **error)
{
  g_autoptr (ScExpansion) expansion = text != NULL ? sc_template_expand (file, text, d->values, error) : NULL;

  return text == NULL || expansion != NULL;
}

static gboolean
check_templates (const Display *d, GError **error)
{
  const ScExports *e = d->exports;
  g_autoptr (ScHealth) health = NULL;
  GHashTableIter iter;
  gpointer path, text;

  g_hash_table_iter_init (&iter, e->hostfs_templates);
  while (g_hash_table_iter_next (&iter, &path, &text))
    if (!check_template (d, path, text, error))
      return FALSE;
  if (!check_template (d, "config.json.template", e->config == NULL ? e->config_template : NULL, error)
      || !check_template (d, "service.template", e->no_container_service ? NULL : e->service_template, error)
      || !check_template (d, "tmpfiles.template", e->tmpfiles_template, error))
    return FALSE;
  health = e->health != NULL ? sc_health_resolve (e->health, d->values, error) : NULL;
  return e->health == NULL || health != NULL;
}

/* Without a template of its own an image gets directories for what it binds. */
static gboolean
makes_dirs (const Display *d)
{
  const ScExports *e = d->exports;

  return e->tmpfiles_template != NULL || e->config != NULL || e->config_template != NULL || d->has_volumes;
}

/* -- files for the host -- */

static const ScNode *
find_node (const ScNode *root, const char *path)
{
  g_auto (GStrv) names = g_strsplit (path, "/", -1);
  const ScNode *node = root;

  for (char **name = names; *name != NULL && node != NULL; name++)
    node = sc_node_child (node, *name);
  return node;
}

static guint
count_files (const ScNode *dir)
{
  GHashTableIter iter;
  gpointer child;
  guint count = 0;

  if (dir == NULL || dir->children == NULL)
    return 0;
  g_hash_table_iter_init (&iter, dir->children);
  while (g_hash_table_iter_next (&iter, NULL, &child))
    count += ((const ScNode *)child)->type == SC_NODE_DIR ? count_files (child) : 1;
  return count;
}

static gboolean
count_host_files (const Display *d, guint *out, GError **error)
{
  const ScHostPlanInput input = {
    .ctx = d->input->ctx, .name = d->input->name, .rootfs = d->rootfs, .exports = d->exports, .values = d->values
  };
  g_autoptr (ScHostPlan) plan = NULL;

  *out = 0;
  if (d->rootfs < 0)
    {
      *out = count_files (find_node (d->tree, HOSTFS));
      return TRUE;
    }
  plan = sc_host_plan_new (&input, error);
  for (guint i = 0; plan != NULL && i < plan->entries->len; i++)
    *out += ((const ScHostEntry *)plan->entries->pdata[i])->kind != S_IFDIR;
  return plan != NULL;
}

static gboolean
has_file (const Display *d, const char *path)
{
  return d->rootfs >= 0 ? sc_fs_exists_at (d->rootfs, path) : find_node (d->tree, path) != NULL;
}

static gboolean
say_package (const Display *d, GError **error)
{
  const ScMakeInput *input = d->input;
  const ScPackageManager *manager = NULL, *host = sc_package_manager_find (input->ctx);
  gboolean ready = host != NULL && g_strcmp0 (input->system_package, "no") != 0 && has_file (d, host->image_file);

  if (!sc_package_choose (input->ctx, input->system_package, d->rootfs, d->exports, &manager, error))
    return FALSE;
  if (ready)
    sc_progress_step (input->sink, "Installing package %s of the image", host->image_file);
  else if (manager != NULL)
    sc_progress_step (input->sink, "Installing package atomic-container-%s", input->name);
  return TRUE;
}

gboolean
sc_install_display (const ScMakeInput *input, GError **error)
{
  const ScContext *ctx = input->ctx;
  g_auto (Display) d = { .input = input, .rootfs = -1 };
  g_autofree char *tmpfiles = sc_tmpfiles_path (ctx, input->name), *unit = sc_unit_name (input->name);
  g_autoptr (ScSystemd) systemd = sc_systemd_new (ctx, input->cancellable, error);
  const char *text;
  guint files = 0;

  if (systemd == NULL || !load_exports (&d, error) || !resolve_values (&d, error) || !check_templates (&d, error))
    return FALSE;
  text = d.exports->service_template;
  if (d.rootfs < 0)
    d.tree = sc_image_tree (input->store, input->image, input->cancellable, error);
  if ((d.rootfs < 0 && d.tree == NULL) || !count_host_files (&d, &files, error))
    return FALSE;
  if (input->remote != NULL)
    sc_progress_step (input->sink, "Making %s/%s.0 with the root %s", ctx->checkouts, input->name, input->remote);
  else
    sc_progress_step (input->sink, "Extracting to %s/%s.0", ctx->checkouts, input->name);
  if (!say_package (&d, error))
    return FALSE;
  if (files > 0)
    sc_progress_step (input->sink, "Files for the host: %u", files);
  if (sc_systemd_is_running (systemd))
    sc_progress_step (input->sink, "systemctl daemon-reload");
  if (makes_dirs (&d))
    sc_progress_step (input->sink, "systemd-tmpfiles --create %s", tmpfiles);
  if (!d.exports->no_container_service && (text == NULL || sc_host_unit_starts (unit, text)))
    sc_progress_step (input->sink, "systemctl enable %s", input->name);
  sc_host_unit_note (ctx, input->name, !d.exports->no_container_service, makes_dirs (&d), input->sink);
  return TRUE;
}
