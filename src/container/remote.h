/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "deployment.h"

/*
 * Roots that are somebody else's: `install --rootfs DIR`.  A container of one has no root of its own, its config.json
 * names DIR, and DIR is never written to, nor removed.
 */

/* (transfer full): @text as it is recorded, absolute and clean; links are kept. SC_ERROR_USAGE for
 * one that is not absolute, "/", and one with control characters. */
char *sc_remote_path (const char *text, GError **error) SC_CHECK;

/* A descriptor of the root @path of the host, -1 on error: SC_ERROR_INVALID for one that is empty, that is the
 * host's root under whatever name, and that is within the checkouts or a repository, or contains them. */
int sc_remote_open (const ScContext *ctx, const char *path, GError **error) SC_CHECK;

/* The root of @deployment, wherever it is; -1 on error. */
int sc_deployment_open_root (const ScContext *ctx, const ScDeployment *deployment, GError **error) SC_CHECK;

/* (transfer full): the path of that root, as the host sees it. */
char *sc_deployment_root_path (const ScContext *ctx, const ScDeployment *deployment);
