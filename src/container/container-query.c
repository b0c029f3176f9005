/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Installed containers with their states, for lists.  Reads only: nothing is started, loaded or cleaned up to know a
 * state.
 */
#include "container-query.h"

#include "runtime.h"
#include "systemd.h"

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
  g_autoptr (GError) local = NULL;
  ScRuntimeState state = SC_RUNTIME_STATE_NONE;
  g_autoptr (ScRuntime) runtime = sc_runtime_find (ctx, container->deployment->runtime, &local);
  if (runtime == NULL && !g_error_matches (local, SC_ERROR, SC_ERROR_NOT_FOUND))
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }
  if (runtime != NULL && !sc_runtime_state (runtime, container->deployment->name, &state, NULL, cancellable, error))
    return FALSE;
  set_state (container, state == SC_RUNTIME_STATE_RUNNING, "inactive");
  return TRUE;
}

static gboolean
query (ScContainer *container, const ScContext *ctx, ScSystemd *systemd, GCancellable *cancellable, GError **error)
{
  if (!container->deployment->has_container_service)
    {
      set_state (container, FALSE, "no service");
      return TRUE;
    }
  if (sc_systemd_is_running (systemd))
    return query_systemd (container, systemd, cancellable, error);
  return query_runtime (container, ctx, cancellable, error);
}

GPtrArray *
sc_container_list (const ScContext *ctx, GCancellable *cancellable, GError **error)
{
  g_autoptr (GPtrArray) containers = g_ptr_array_new_with_free_func ((GDestroyNotify)sc_container_free);
  g_autoptr (GPtrArray) deployments = sc_deployment_list (ctx, error);
  if (deployments == NULL)
    return NULL;
  if (deployments->len == 0)
    return g_steal_pointer (&containers);

  g_autoptr (ScSystemd) systemd = sc_systemd_new (ctx, cancellable, error);
  if (systemd == NULL)
    return NULL;
  while (deployments->len > 0)
    {
      ScContainer *container = g_new0 (ScContainer, 1);
      container->deployment = g_ptr_array_steal_index (deployments, 0);
      g_ptr_array_add (containers, container);
      if (!query (container, ctx, systemd, cancellable, error))
        return NULL;
    }
  return g_steal_pointer (&containers);
}
