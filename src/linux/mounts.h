/* SPDX-License-Identifier: MIT */
/* mounts.h - what kind of file system a device number is, by /proc/self/mountinfo. */
#ifndef MACHVM_LINUX_MOUNTS_H
#define MACHVM_LINUX_MOUNTS_H

#include <stdbool.h>
#include <stdint.h>

/* Do its pages come from a program (FUSE)? False also when it cannot be told. */
bool machvm__mounts_served(uint32_t device_major, uint32_t device_minor);

#endif
