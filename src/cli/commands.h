/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "command.h"

/* The commands, each in its own cmd-<verb>.c; main.c has the table of them. */
extern const ScCommand sc_cmd_pull;
extern const ScCommand sc_cmd_images_list;
extern const ScCommand sc_cmd_images_info;
extern const ScCommand sc_cmd_images_version;
extern const ScCommand sc_cmd_images_update;
extern const ScCommand sc_cmd_images_help;
extern const ScCommand sc_cmd_images_verify;
extern const ScCommand sc_cmd_images_tag;
extern const ScCommand sc_cmd_images_delete;
extern const ScCommand sc_cmd_images_prune;
extern const ScCommand sc_cmd_install;
extern const ScCommand sc_cmd_uninstall;
extern const ScCommand sc_cmd_containers_list;
extern const ScCommand sc_cmd_containers_info;
extern const ScCommand sc_cmd_containers_update;
extern const ScCommand sc_cmd_containers_rollback;
extern const ScCommand sc_cmd_containers_history;
extern const ScCommand sc_cmd_containers_delete;
extern const ScCommand sc_cmd_containers_pin;
extern const ScCommand sc_cmd_containers_unpin;
extern const ScCommand sc_cmd_recover;
extern const ScCommand sc_cmd_run;
extern const ScCommand sc_cmd_stop;
extern const ScCommand sc_cmd_mount;
extern const ScCommand sc_cmd_unmount;
extern const ScCommand sc_cmd_diff;
extern const ScCommand sc_cmd_trust_show;
extern const ScCommand sc_cmd_trust_add;
extern const ScCommand sc_cmd_trust_delete;
extern const ScCommand sc_cmd_trust_default;
extern const ScCommand sc_cmd_help;
extern const ScCommand sc_cmd_dump;     /* hidden: "__commands" */
extern const ScCommand sc_cmd_complete; /* hidden: "__complete" */
