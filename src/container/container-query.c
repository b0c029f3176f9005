/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Installed containers with their states, for lists.  Reads only: nothing is started, loaded or cleaned up to know a
 * state.
 */
#include "container-query.h"

#include "live.h"
#include "runtime.h"

/* Of what packages bring. */
#define UNITS    "/usr/lib/systemd/system"
#define TMPFILES "/usr/lib/tmpfiles.d"

void
sc_container_free (ScContainer *container)
{
  if (container == NULL)
    return;
  g_clear_pointer (&container->deployment, sc_deployment_free);
  g_free (container);
}

static void
set_state (ScContainer *container, gboolean running, const char *otherwise)
{
  container->running = running;
  container->state = running ? "running" : otherwise;
}

static gboolean
query_systemd (ScContainer *container, ScSystemd *systemd, GCancellable *cancellable, GError **error)
{
  g_autofree char *unit = g_strconcat (container->deployment->name, ".service", NULL);
  g_autofree char *state = sc_systemd_active_state (systemd, unit, cancellable, error);
  if (state == NULL)
    return FALSE;
  /* One that stops still runs; one that starts, again and again perhaps, does not yet. */
  set_state (container,
             g_str_equal (state, "active") || g_str_equal (state, "reloading") || g_str_equal (state, "deactivating"),
             g_str_equal (state, "failed") ? "failed" : "inactive");
  return TRUE;
}

static gboolean
query_runtime (ScContainer *container, const ScContext *ctx, GCancellable *cancellable, GError **error)
{
  const ScDeployment *d = container->deployment;
  g_autoptr (GError) local = NULL;
  ScRuntimeState state = SC_RUNTIME_STATE_NONE;
  g_autoptr (ScRuntime) runtime = sc_runtime_find (ctx, d->runtime, &local);
  if (runtime == NULL && !g_error_matches (local, SC_ERROR, SC_ERROR_NOT_FOUND))
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }
  if (runtime != NULL && !sc_runtime_state (runtime, d->name, &state, NULL, cancellable, error))
    return FALSE;
  /* Of a damaged one it is not known which runtime it has: another one may know it. */
  set_state (container, state == SC_RUNTIME_STATE_RUNNING, d->problem != NULL ? "unknown" : "inactive");
  return TRUE;
}

/* Of a damaged one the host knows. */
static gboolean
has_service (const ScContext *ctx, const ScDeployment *d)
{
  g_autofree char *unit = sc_unit_path (ctx, d->name), *packaged = g_strdup_printf (UNITS "/%s.service", d->name);

  return d->problem != NULL ? sc_context_exists (ctx, unit) || sc_context_exists (ctx, packaged)
                            : d->has_container_service;
}

/* @systemd: (nullable): NULL if it does not answer. FALSE if interrupted. */
static gboolean
query (ScContainer *container, const ScContext *ctx, ScSystemd *systemd, const ScProgressSink *sink,
       GCancellable *cancellable, GError **error)
{
  const ScDeployment *d = container->deployment;
  g_autoptr (GError) local = NULL;
  gboolean known = TRUE;

  set_state (container, FALSE, "unknown");
  if (!has_service (ctx, d))
    {
      if (d->problem == NULL)
        set_state (container, FALSE, "no service");
      return TRUE;
    }
  if (systemd != NULL)
    known = sc_systemd_is_running (systemd) ? query_systemd (container, systemd, cancellable, &local)
                                            : query_runtime (container, ctx, cancellable, &local);
  if (known)
    return TRUE;
  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return FALSE;
  (void)sc_prefix (&local, "container %s", d->name);
  sc_progress_note (sink, "%s: its state is unknown", local->message);
  return TRUE;
}

/* One that does not answer must not hide what there is. */
static gboolean
open_systemd (const ScContext *ctx, ScSystemd **out, const ScProgressSink *sink, GCancellable *cancellable,
              GError **error)
{
  g_autoptr (GError) local = NULL;

  *out = sc_systemd_new (ctx, cancellable, &local);
  if (*out == NULL && g_cancellable_set_error_if_cancelled (cancellable, error))
    return FALSE;
  if (*out == NULL)
    sc_progress_note (sink, "%s: states are unknown", local->message);
  return TRUE;
}

gboolean
sc_container_state (const ScContext *ctx, ScDeployment *deployment, const char **out_state, const ScProgressSink *sink,
                    GCancellable *cancellable, GError **error)
{
  ScContainer container = { .deployment = deployment };
  g_autoptr (ScSystemd) systemd = NULL;

  if (!open_systemd (ctx, &systemd, sink, cancellable, error)
      || !query (&container, ctx, systemd, sink, cancellable, error))
    return FALSE;
  *out_state = container.state;
  return TRUE;
}

GPtrArray *
sc_container_list (const ScContext *ctx, const ScProgressSink *sink, GCancellable *cancellable, GError **error)
{
  g_autoptr (GPtrArray) containers = g_ptr_array_new_with_free_func ((GDestroyNotify)sc_container_free);
  g_autoptr (GPtrArray) deployments = sc_deployment_list (ctx, error);
  g_autoptr (ScSystemd) systemd = NULL;

  if (deployments == NULL)
    return NULL;
  if (deployments->len > 0 && !open_systemd (ctx, &systemd, sink, cancellable, error))
    return NULL;
  while (deployments->len > 0)
    {
      ScContainer *container = g_new0 (ScContainer, 1);
      container->deployment = g_ptr_array_steal_index (deployments, 0);
      g_ptr_array_add (containers, container);
      if (!query (container, ctx, systemd, sink, cancellable, error))
        return NULL;
    }
  return g_steal_pointer (&containers);
}

/* -- files -- */

char *
sc_container_unit (const ScContext *ctx, const ScDeployment *d, gboolean live)
{
  g_autofree char *dir = sc_deployment_dir (ctx, d), *file = sc_unit_name (d->name);

  if (!d->has_container_service)
    return NULL;
  if (live && !d->preinstalled)
    return sc_unit_path (ctx, d->name);
  return g_build_filename (d->preinstalled ? UNITS : dir, file, NULL);
}

char *
sc_container_tmpfiles (const ScContext *ctx, const ScDeployment *d, gboolean live)
{
  g_autofree char *dir = sc_deployment_dir (ctx, d), *name = sc_tmpfiles_name (d->name),
                  *copy = g_build_filename (dir, name, NULL);

  if (d->preinstalled)
    {
      g_autofree char *packaged = g_strdup_printf (TMPFILES "/%s.conf", d->name);

      return sc_context_exists (ctx, packaged) ? g_steal_pointer (&packaged) : NULL;
    }
  if (!sc_context_exists (ctx, copy))
    return NULL;
  return live ? sc_tmpfiles_path (ctx, d->name) : g_steal_pointer (&copy);
}
