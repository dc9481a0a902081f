#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: a C project is unpacked, built by parallel make, installed, and passes its own test
# LOWERS: xfs ext4
# TIME: 30
# TIMEOUT: 240
. "${0%/*}/lib.sh"

FILES=$(rounds 8 8 60)

# make_project DIR: a program of that many files, and its test
make_project() {
	local n sum=0

	mkdir -p "$1"
	for n in $(seq "$FILES"); do
		printf '#include "all.h"\nint f%d(int x)\n{\n\treturn x + %d;\n}\n' "$n" "$n" >"$1/f$n.c"
		sum=$((sum + n))
	done
	seq -f 'int f%g(int x);' "$FILES" >"$1/all.h"
	{
		printf '#include <stdio.h>\n#include "all.h"\nint main(void)\n{\n\tint x = 0;\n\n'
		seq -f '	x = f%g(x);' "$FILES"
		printf '	printf("%%d\\n", x);\n\treturn 0;\n}\n'
	} >"$1/main.c"
	# no tab survives in a here document that is indented by tabs
	sed 's/^> /\t/' >"$1/Makefile" <<-END
		OBJS := \$(patsubst %.c,%.o,\$(wildcard *.c))
		prog: libf.a main.o
		> \$(CC) -o \$@ main.o libf.a
		libf.a: \$(filter f%.o,\$(OBJS))
		> \$(AR) rcs \$@ \$^
		\$(OBJS): all.h
		check: prog
		> test "\$\$(./prog)" = $sum
		install: prog
		> install -D -m 755 -s prog \$(DESTDIR)/bin/prog
	END
}

fresh
make_project "$T/project"
tar -C "$T" -czf "$T/project.tar.gz" project
cd "$MNT"
tar -xzf "$T/project.tar.gz"
diff -r "$T/project" project || fail "what was unpacked differs"
cd project
make -s -j2 CFLAGS=-O1
make -s check
make -s install DESTDIR="$MNT/root"
assert_eq "$("$MNT/root/bin/prog")" $((FILES * (FILES + 1) / 2)) "the installed program"

note "nothing is left to do, and a change rebuilds what it must"
make -q || fail "make would build again"
sed -i 's/x + 1;/x + 1 + 0;/' f1.c
make -s CFLAGS=-O1
make -s check

note "from a cold cache"
drop_caches
make -q || fail "make would build again"
make -s check
