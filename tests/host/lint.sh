#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: the static checks of the module find nothing
# TIMEOUT: 900
TOP=$(cd "${0%/*}/../.." && pwd)
ONLY="build style cocci" exec "$TOP/scripts/lint" --if-there
