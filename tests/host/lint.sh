#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: the static checks find nothing
# TIMEOUT: 900
TOP=$(cd "${0%/*}/../.." && pwd)
exec "$TOP/scripts/lint" --if-there
