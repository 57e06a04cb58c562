/* SPDX-License-Identifier: MIT */
/*
 * Machine attributes of memory, for vm_machine_attribute().
 */
#ifndef MACH_VM_ATTRIBUTES_H
#define MACH_VM_ATTRIBUTES_H

typedef unsigned int vm_machine_attribute_t;

#define MATTR_CACHE 1
#define MATTR_MIGRATE 2
#define MATTR_REPLICATE 4

typedef int vm_machine_attribute_val_t;

#define MATTR_VAL_OFF 0
#define MATTR_VAL_ON 1
#define MATTR_VAL_GET 2
#define MATTR_VAL_CACHE_FLUSH 6  /* all caches */
#define MATTR_VAL_DCACHE_FLUSH 7 /* the data caches */
#define MATTR_VAL_ICACHE_FLUSH 8 /* the instruction caches */
#define MATTR_VAL_CACHE_SYNC 9   /* make stores visible to instruction fetch */
#define MATTR_VAL_GET_INFO 10

#endif
