import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** Descriptors and sockets of one process. */
export interface ProcessHandles {
  /** Numbers of descriptors that are no network sockets. */
  readonly descriptors: readonly number[];
  /** Inodes of TCP and UDP sockets. */
  readonly sockets: readonly number[];
}

/** @returns what a process has open; nothing if it is gone. */
export function readHandles(pid: number): ProcessHandles {
  const descriptors: number[] = [];
  const inodes = new Map<number, number>();
  for (const name of list(`/proc/${pid}/fd`)) {
    const inode = socketInode(`/proc/${pid}/fd/${name}`);
    if (inode === undefined) descriptors.push(Number(name));
    else inodes.set(inode, Number(name));
  }
  if (inodes.size === 0) return { descriptors, sockets: [] };
  const network = networkInodes(pid);
  const sockets = [...inodes.keys()].filter((inode) => network.has(inode));
  // A local socket, as those between a process and its children are, is a descriptor like another.
  for (const [inode, fd] of inodes) if (!network.has(inode)) descriptors.push(fd);
  return { descriptors, sockets };
}

function list(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function socketInode(link: string): number | undefined {
  try {
    const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(link))?.[1];
    return inode === undefined ? undefined : Number(inode);
  } catch {
    return undefined;
  }
}

function networkInodes(pid: number): ReadonlySet<number> {
  const inodes = new Set<number>();
  for (const table of ['tcp', 'tcp6', 'udp', 'udp6']) {
    try {
      for (const line of readFileSync(`/proc/${pid}/net/${table}`, 'latin1').split('\n').slice(1)) {
        const inode = Number(line.trim().split(/\s+/)[9]);
        if (inode > 0) inodes.add(inode);
      }
    } catch {
      // A kernel without IPv6 has no such table.
    }
  }
  return inodes;
}
