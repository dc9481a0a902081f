#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: the static checks of scripts, versions and tests/broken find nothing
# EARLY: it needs neither the guest nor a module
# TIMEOUT: 900
TOP=$(cd "${0%/*}/../.." && pwd)
ONLY="shell version broken" exec "$TOP/scripts/lint" --if-there
