#!/bin/busybox sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Plain text, so that nothing in $RECEIVER is ever markup.
printf 'Content-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\n\r\nHello, %s\n' "$RECEIVER"
