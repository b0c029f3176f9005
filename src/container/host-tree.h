/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "deployment.h"
#include "host-plan.h"

/*
 * "hostfs" in the directory of a deployment: a tree of exactly what its image wants on the host, at the paths of the
 * host, with names and templates filled in.  Files that are no templates are hard links to those of the root,
 * or copies if the plan says so.
 */

#define SC_HOST_TREE "hostfs"
/* One that is made anew, before it has that name, and the one that it replaced. */
#define SC_HOST_TREE_UNFINISHED "." SC_HOST_TREE ".new"

/* Makes the tree @name in the directory @dfd of a deployment; nothing for an empty @plan. It is not flushed. */
gboolean sc_host_tree_write (const ScHostPlan *plan, int rootfs, int dfd, const char *name, GError **error) SC_CHECK;

/* @out: is the tree of the deployment @d in @dfd what @plan would make of the same image? One without a tree, which the
 * original tool made, is asked by its record. */
gboolean sc_host_tree_is (const ScHostPlan *plan, int dfd, const ScDeployment *d, gboolean *out,
                          GError **error) SC_CHECK;

/**
 * sc_host_tree_record:
 * @previous: (nullable): the deployment that is live: what it recorded is ours
 * @packaged: and so is what its package has
 * @notes: lines for the user are added
 *
 * Fills in the members of @d about host files: of @plan, whose tree is in @dfd, what the host lacks or @previous or
 * @packaged has.
 * What is there and is not ours is no file of the container.  SC_ERROR_FAILED if a file is where a directory has to be.
 */
gboolean sc_host_tree_record (const ScContext *ctx, const ScHostPlan *plan, int dfd, const ScDeployment *previous,
                              char **packaged, ScDeployment *d, GPtrArray *notes, GError **error) SC_CHECK;
