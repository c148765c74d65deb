import type { AppErrorCode } from './app-error.ts'

/** Place of a failed call of the system: the same errno has another cause and another remedy in each. */
export type FaultPlace = 'port' | 'socket' | 'data' | 'database' | 'file'

/** Text of a command for one errno in one place. `{…}` are filled in by `toAppError()`. */
export interface FaultRow {
  readonly code: AppErrorCode
  readonly what: string
  readonly remedy: string
}

const FREE_SPACE =
  'Free space on that disk by removing other files: deleted images keep theirs until "berth trash empty" and "berth gc --now"'
const AS_OWNER =
  'Run the command as the owner of the data folder, or make this user its owner with "chown -R"; or name another folder with --data'

const NO_SPACE: FaultRow = { code: 'STORAGE_FULL', what: 'The disk of {what} is full', remedy: FREE_SPACE }
const NO_QUOTA: FaultRow = {
  code: 'STORAGE_FULL',
  what: 'The quota of the user with id {user} is used up on the disk of {what}',
  remedy: 'Raise the quota, or remove files of this user there',
}
const NO_INODES: FaultRow = {
  code: 'STORAGE_FULL',
  what: 'The disk of {what} has no inode left for a further file, though it has space',
  remedy: 'Remove files that are not needed ("df -i" counts them), or use a file system with more inodes',
}
const NO_FILES: FaultRow = {
  code: 'OUT_OF_FILES',
  what: 'This process may open no further file, which {what} needs',
  remedy:
    'Raise the limit: "ulimit -n 65536" in the shell, LimitNOFILE=65536 in a systemd unit, --ulimit nofile=65536 with Docker',
}
const NO_FILES_AT_ALL: FaultRow = {
  code: 'OUT_OF_FILES',
  what: 'The machine has no open file left, which {what} needs',
  remedy: 'Raise fs.file-max with sysctl, or stop the programs that open so many',
}
const READ_ONLY: FaultRow = {
  code: 'DATA_NOT_WRITABLE',
  what: 'The disk of {what} is mounted read-only',
  remedy: 'Mount it writable; if the system made it read-only by itself, the disk has failed: see "dmesg"',
}
const DISK_FAILED: FaultRow = {
  code: 'DATA_NOT_WRITABLE',
  what: 'The disk of {what} failed (EIO)',
  remedy: 'See "dmesg" for the errors of the disk, and copy the files that can be read',
}
const STALE: FaultRow = {
  code: 'DATA_NOT_WRITABLE',
  what: 'The network disk of {what} no longer has the file (ESTALE)',
  remedy: 'Mount it again, then start again',
}
const NOT_PERMITTED: FaultRow = {
  code: 'DATA_NOT_WRITABLE',
  what: 'The user with id {user} may not use {what}{owner}',
  remedy: AS_OWNER,
}
const OWN_MODE: FaultRow = {
  code: 'DATA_NOT_WRITABLE',
  what: 'The mode of {what} keeps out the user with id {user}, who owns it and whom this runs as',
  remedy:
    'Give the owner its rights with "chmod -R u+rwX" and that path, and start with a umask that leaves them, such as 077',
}
const IS_FOLDER: FaultRow = {
  code: 'DATA_NOT_WRITABLE',
  what: 'A folder stands at {what}, where a file has to be',
  remedy: 'Check the content of the folder, and move it away',
}
const IS_FILE: FaultRow = {
  code: 'DATA_NOT_WRITABLE',
  what: 'A file stands at {what}, or above it, where a folder has to be',
  remedy: 'Move the file away, or name another folder with --data',
}
const NOT_THERE: FaultRow = {
  code: 'DATA_NOT_WRITABLE',
  what: '{what} is not there',
  remedy: 'Check the path; if a disk should be mounted there, mount it',
}
const TOO_LONG: FaultRow = {
  code: 'DATA_NOT_WRITABLE',
  what: 'The path {what} is too long for the file system',
  remedy: 'Choose a shorter one',
}
const LOOP: FaultRow = {
  code: 'DATA_NOT_WRITABLE',
  what: 'The links of {what} lead in a circle',
  remedy: 'Replace the link by the folder itself',
}

const NO_SOCKET_RIGHT: FaultRow = {
  code: 'SOCKET_UNUSABLE',
  what: 'The user with id {user} may not make the socket {what}',
  remedy: 'Give this user the right to write to {folder}, or choose a path in another folder',
}
const SOCKET_BELOW_FILE: FaultRow = {
  code: 'SOCKET_UNUSABLE',
  what: 'The socket {what} cannot be made: a file stands above it, where a folder has to be',
  remedy: 'Choose another path with --listen-http or --listen-https, or move the file away',
}
const OTHER_DISK: FaultRow = {
  code: 'DATA_NOT_WRITABLE',
  what: '{what} is not on the file system of the uploads beside it, or is mounted by itself, so that no upload can be moved there',
  remedy: 'Put berth-uploads/ and docker/ of the registry root into one file system, under one mount',
}

/** Errors of any call on files. */
const ON_FILES = {
  EACCES: NOT_PERMITTED,
  EPERM: NOT_PERMITTED,
  OWN_MODE,
  ENOSPC: NO_SPACE,
  EDQUOT: NO_QUOTA,
  NO_INODES,
  EROFS: READ_ONLY,
  EIO: DISK_FAILED,
  ESTALE: STALE,
  EISDIR: IS_FOLDER,
  ENOTDIR: IS_FILE,
  EEXIST: IS_FILE,
  ENOENT: NOT_THERE,
  ENAMETOOLONG: TOO_LONG,
  ELOOP: LOOP,
  EMFILE: NO_FILES,
  ENFILE: NO_FILES_AT_ALL,
} as const satisfies Record<string, FaultRow>

/** For files whose role is unknown here: the path shows it. */
function asRefusal(rows: Readonly<Record<string, FaultRow>>): Readonly<Record<string, FaultRow>> {
  return Object.fromEntries(
    Object.entries(rows).map(([errno, row]) => [
      errno,
      row.code === 'DATA_NOT_WRITABLE' ? { ...row, code: 'SYSTEM_REFUSED' as const } : row,
    ]),
  )
}

/**
 * Errno and place to cause and remedy: the only such table. `NO_INODES` is `ENOSPC` on a disk with free space,
 * `OWN_MODE` `EACCES` to one's own.
 */
export const SYSTEM_FAULTS: Readonly<Record<FaultPlace, Readonly<Record<string, FaultRow>>>> = {
  port: {
    EADDRINUSE: {
      code: 'PORT_IN_USE',
      what: 'The address {what} is already in use',
      remedy:
        'Stop the program that listens there, or choose another with --listen-http, --listen-https or --listen-metrics',
    },
    EACCES: {
      code: 'PORT_FORBIDDEN',
      what: 'The user with id {user} may not listen on {what}',
      remedy: 'Choose a port from 1024 up, or give the program the right (CAP_NET_BIND_SERVICE)',
    },
    EPERM: {
      code: 'PORT_FORBIDDEN',
      what: 'The system forbids this program to listen on {what}',
      remedy: 'Look at what restricts it: SELinux, AppArmor, or the settings of its container or unit',
    },
    EADDRNOTAVAIL: {
      code: 'ADDRESS_UNAVAILABLE',
      what: 'This machine has no address {what}',
      remedy: 'Name one it has: "ip address" lists them',
    },
    ENOTFOUND: {
      code: 'ADDRESS_UNAVAILABLE',
      what: 'The host of {what} has no address: no name server knows it',
      remedy: 'Check the name, or give an IP address',
    },
    EAI_AGAIN: {
      code: 'ADDRESS_UNAVAILABLE',
      what: 'No name server answered for the host of {what}',
      remedy: 'Give an IP address, or see that names can be looked up (/etc/resolv.conf) and start again',
    },
    EAFNOSUPPORT: {
      code: 'ADDRESS_UNAVAILABLE',
      what: 'This machine has no IPv6, which {what} needs',
      remedy: 'Name an IPv4 address, such as 0.0.0.0:PORT for all',
    },
    EMFILE: NO_FILES,
    ENFILE: NO_FILES_AT_ALL,
  },
  socket: {
    ...asSocket(ON_FILES),
    EADDRINUSE: {
      code: 'PORT_IN_USE',
      what: 'Another program listens at the socket {what}, or may do so',
      remedy: 'Stop it, or choose another path with --listen-http or --listen-https',
    },
    ENOTSOCK: {
      code: 'SOCKET_UNUSABLE',
      what: 'Something stands at {what} that is no socket; it was left as it is',
      remedy: 'Move it away, or choose another path with --listen-http or --listen-https',
    },
    EACCES: NO_SOCKET_RIGHT,
    EPERM: NO_SOCKET_RIGHT,
    OWN_MODE: NO_SOCKET_RIGHT,
    ENOTDIR: SOCKET_BELOW_FILE,
    EEXIST: SOCKET_BELOW_FILE,
    ENOENT: {
      code: 'SOCKET_UNUSABLE',
      what: 'The socket {what} cannot be made: the folder {folder} is not there',
      remedy: 'Make the folder first (RuntimeDirectory= in a systemd unit), or choose another path',
    },
    EINVAL: {
      code: 'SOCKET_UNUSABLE',
      what: 'The path of the socket {what} is too long: the system takes 107 bytes',
      remedy: 'Choose a shorter one',
    },
    ENAMETOOLONG: {
      code: 'SOCKET_UNUSABLE',
      what: 'The path of the socket {what} is too long: the system takes 107 bytes',
      remedy: 'Choose a shorter one',
    },
  },
  data: { ...ON_FILES, EXDEV: OTHER_DISK },
  database: {
    ...ON_FILES,
    SQLITE_BUSY: {
      code: 'DATABASE_BUSY',
      what: 'Another process holds the database {what} for too long',
      remedy: 'Try again; if it goes on, end the process that holds it ("fuser {what}" names it)',
    },
    SQLITE_CANTOPEN: {
      code: 'DATABASE_UNUSABLE',
      what: 'SQLite cannot open {what}, and the system does not say why',
      remedy: 'Look at what limits the process, such as SELinux, AppArmor or its container',
    },
    SQLITE_IOERR: {
      code: 'DATA_NOT_WRITABLE',
      what: 'SQLite cannot read or write {what} or the files beside it (-wal, -shm)',
      remedy:
        'If one of these was moved or removed while a server runs, restart the server; otherwise see "dmesg" for the errors of the disk, and copy the files that can be read',
    },
    SQLITE_NOTADB: {
      code: 'DATABASE_UNUSABLE',
      what: '{what} is no database',
      remedy: 'Move it away and put its backup there',
    },
    SQLITE_CORRUPT: {
      code: 'DATABASE_UNUSABLE',
      what: 'The database {what} is damaged',
      remedy: 'Stop Berth, keep a copy of the data folder, and put the last backup of the database there',
    },
  },
  file: asRefusal(ON_FILES),
}

function asSocket(rows: Readonly<Record<string, FaultRow>>): Readonly<Record<string, FaultRow>> {
  return Object.fromEntries(
    Object.entries(asRefusal(rows)).map(([errno, row]) => [
      errno,
      row.code === 'SYSTEM_REFUSED' ? { ...row, code: 'SOCKET_UNUSABLE' as const } : row,
    ]),
  )
}
