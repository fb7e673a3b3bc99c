/**
 * A full disk without one: the files of a store that this process has open are swapped for /dev/full, where each write
 * fails with ENOSPC. What was read through the memory map stays readable; opened again, the store is whole. Linux only.
 */
import { closeSync, openSync, readdirSync, readlinkSync } from 'node:fs'
import { realpath } from 'node:fs/promises'
import { join } from 'node:path'

/** `folder` is the log's. */
export async function fillDiskUnder(folder: string): Promise<void> {
  const path = join(await realpath(folder), 'data.mdb')
  const files = readdirSync('/proc/self/fd').filter((fd) => linkOf(fd) === path)
  if (files.length === 0) throw new Error(`${path} is not open`)
  for (const fd of files) swapForFull(Number(fd))
}

function linkOf(fd: string): string | undefined {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`)
  } catch {
    return undefined // the one that listed the folder
  }
}

/** A new file gets the lowest free number. */
function swapForFull(fd: number): void {
  closeSync(fd)
  const spare: number[] = []
  for (let full = openSync('/dev/full', 'r+'); full !== fd; full = openSync('/dev/full', 'r+')) spare.push(full)
  for (const other of spare) closeSync(other)
}
