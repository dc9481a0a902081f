// SPDX-License-Identifier: GPL-2.0-only
/*
 * A plugin for QEMU's emulator: how many cache lines that other processors store to,
 * too, does a write() store to?
 *
 *   -plugin sharing.so,out=FILE
 *
 * tests/helpers/sharing.c runs in the guest and says by marks, which are a kind of nop
 * that nothing else contains, what is going on. In the first phase the plugin notes for
 * each line of physical memory which processors store to it. In the second phase it
 * counts for each write() the lines that it stores to and that in the first phase two
 * processors or more have stored to. FILE gets, for each pair of phases:
 *
 *   round N writes W lines L
 *   at PC COUNT          for each instruction that was the first to store to such a line
 *
 * The emulator runs one processor at a time, so that nothing here needs a lock.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * What is used of QEMU's documented interface: Debian has no package of its header.
 * QEMU_API is the version of the interface, which scripts/bench-sharing knows.
 */
typedef uint64_t qemu_plugin_id_t;
typedef uint32_t qemu_plugin_meminfo_t;
struct qemu_info;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_plugin_hwaddr;
enum { QEMU_PLUGIN_CB_NO_REGS = 0 };
enum { QEMU_PLUGIN_MEM_W = 2 };

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id,
					   void (*fn)(qemu_plugin_id_t, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
					    void (*fn)(unsigned int, void *), int flags, void *data);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *insn,
				      void (*fn)(unsigned int, qemu_plugin_meminfo_t,
						 uint64_t, void *),
				      int flags, int rw, void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t i);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
#if QEMU_API >= 3
size_t qemu_plugin_insn_data(const struct qemu_plugin_insn *insn, void *dest, size_t len);
#else
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
#endif
bool qemu_plugin_mem_is_store(qemu_plugin_meminfo_t info);
struct qemu_plugin_hwaddr *qemu_plugin_get_hwaddr(qemu_plugin_meminfo_t info, uint64_t vaddr);
bool qemu_plugin_hwaddr_is_io(const struct qemu_plugin_hwaddr *addr);
uint64_t qemu_plugin_hwaddr_phys_addr(const struct qemu_plugin_hwaddr *addr);

__attribute__((visibility("default"))) int qemu_plugin_version = QEMU_API;

#define CPUS_MAX	8		/* a bit for each in a line's byte */
#define LINE_SHIFT	6
#define MEMORY_MAX	(4ULL << 30)
#define SEEN_MAX	4096		/* lines that one write() may store to */
#define PLACES_MAX	65536

/* As in tests/helpers/sharing.c */
enum mark { MARK_COLLECT = 1, MARK_COUNT, MARK_STOP, MARK_BEGIN, MARK_END };

static const unsigned char mark_bytes[] = { 0x0f, 0x1f, 0x84, 0x00 };
#define MARK_KEY	0x5774

/* For each line, the processors that have stored to it. */
static uint8_t *users;
static enum { IDLE, COLLECT, COUNT } phase;

/* A processor, and the write() that it is in. */
static struct cpu {
	bool writing;
	uint32_t nr;			/* of this write() */
	struct {
		uint64_t line;
		uint32_t nr;		/* of the write() that has put it here */
	} seen[SEEN_MAX];
} cpus[CPUS_MAX];

/* Instructions that store to shared lines. */
static struct place {
	uint64_t pc;
	uint64_t count;
} places[PLACES_MAX];

static uint64_t writes, lines;
static unsigned int rounds;
static FILE *out;

static void place_count(uint64_t pc)
{
	size_t i = (pc * 0x9e3779b97f4a7c15ULL) >> 48;

	while (places[i].pc && places[i].pc != pc)
		i = (i + 1) % PLACES_MAX;
	places[i].pc = pc;
	places[i].count++;
}

/* Is it the first store of this write() to that line? */
static bool is_new(struct cpu *cpu, uint64_t line)
{
	size_t i = (line * 0x9e3779b97f4a7c15ULL) >> 52;
	size_t tries;

	for (tries = 0; tries < SEEN_MAX; tries++, i = (i + 1) % SEEN_MAX) {
		if (cpu->seen[i].nr != cpu->nr) {
			cpu->seen[i].nr = cpu->nr;
			cpu->seen[i].line = line;
			return true;
		}
		if (cpu->seen[i].line == line)
			return false;
	}
	return false;
}

static void on_store(unsigned int vcpu, qemu_plugin_meminfo_t info, uint64_t vaddr, void *pc)
{
	struct qemu_plugin_hwaddr *addr;
	uint64_t line;

	/* QEMU 7.2 calls this for loads as well. */
	if (phase == IDLE || vcpu >= CPUS_MAX || !qemu_plugin_mem_is_store(info))
		return;
	addr = qemu_plugin_get_hwaddr(info, vaddr);
	if (!addr || qemu_plugin_hwaddr_is_io(addr))
		return;
	line = qemu_plugin_hwaddr_phys_addr(addr) >> LINE_SHIFT;
	if (line >= MEMORY_MAX >> LINE_SHIFT)
		return;
	if (phase == COLLECT) {
		users[line] |= 1 << vcpu;
		return;
	}
	if (!cpus[vcpu].writing || !(users[line] & (users[line] - 1)))
		return;
	if (is_new(&cpus[vcpu], line)) {
		lines++;
		place_count((uintptr_t)pc);
	}
}

static void report(void)
{
	size_t i;

	fprintf(out, "round %u writes %llu lines %llu\n", rounds++, (unsigned long long)writes,
		(unsigned long long)lines);
	for (i = 0; i < PLACES_MAX; i++)
		if (places[i].pc)
			fprintf(out, "at %016llx %llu\n", (unsigned long long)places[i].pc,
				(unsigned long long)places[i].count);
	fflush(out);
}

static void on_mark(unsigned int vcpu, void *data)
{
	struct cpu *cpu = &cpus[vcpu % CPUS_MAX];

	switch ((enum mark)(uintptr_t)data) {
	case MARK_COLLECT:
		memset(users, 0, MEMORY_MAX >> LINE_SHIFT);
		phase = COLLECT;
		break;
	case MARK_COUNT:
		memset(places, 0, sizeof(places));
		writes = 0;
		lines = 0;
		phase = COUNT;
		break;
	case MARK_STOP:
		phase = IDLE;
		report();
		break;
	case MARK_BEGIN:
		cpu->writing = true;
		cpu->nr++;
		break;
	case MARK_END:
		cpu->writing = false;
		writes += phase == COUNT;
		break;
	}
}

/* Which mark it is, or 0. */
static unsigned int mark_of(const struct qemu_plugin_insn *insn)
{
	unsigned char data[8];
	uint32_t value;

	if (qemu_plugin_insn_size(insn) != sizeof(data))
		return 0;
#if QEMU_API >= 3
	qemu_plugin_insn_data(insn, data, sizeof(data));
#else
	memcpy(data, qemu_plugin_insn_data(insn), sizeof(data));
#endif
	memcpy(&value, data + sizeof(mark_bytes), sizeof(value));
	if (memcmp(data, mark_bytes, sizeof(mark_bytes)) || value >> 16 != MARK_KEY)
		return 0;
	return value & 0xffff;
}

static void on_translate(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t i, n = qemu_plugin_tb_n_insns(tb);

	for (i = 0; i < n; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		unsigned int mark = mark_of(insn);

		if (mark)
			qemu_plugin_register_vcpu_insn_exec_cb(insn, on_mark,
							       QEMU_PLUGIN_CB_NO_REGS,
							       (void *)(uintptr_t)mark);
		qemu_plugin_register_vcpu_mem_cb(insn, on_store, QEMU_PLUGIN_CB_NO_REGS,
						 QEMU_PLUGIN_MEM_W,
						 (void *)(uintptr_t)qemu_plugin_insn_vaddr(insn));
	}
}

__attribute__((visibility("default")))
int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info, int argc, char **argv)
{
	if (argc != 1 || strncmp(argv[0], "out=", 4)) {
		fputs("sharing: usage: -plugin sharing.so,out=FILE\n", stderr);
		return -1;
	}
	out = fopen(argv[0] + 4, "w");
	users = calloc(1, MEMORY_MAX >> LINE_SHIFT);
	if (!out || !users) {
		perror("sharing");
		return -1;
	}
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_translate);
	return 0;
}
