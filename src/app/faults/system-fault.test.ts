import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AppError } from './app-error.ts'
import { toAppError } from './system-fault.ts'
import { type FaultPlace, SYSTEM_FAULTS } from './system-fault-rows.ts'

/** Errno, and the code and words that the error of each place must have. */
const ON_FILES: readonly (readonly [string, string, RegExp, RegExp])[] = [
  ['EACCES', 'DATA_NOT_WRITABLE', /user with id \d+ may not use/, /as the owner/],
  ['EPERM', 'DATA_NOT_WRITABLE', /user with id \d+ may not use/, /as the owner/],
  ['OWN_MODE', 'DATA_NOT_WRITABLE', /mode of/, /chmod -R u\+rwX/],
  ['ENOSPC', 'STORAGE_FULL', /is full/, /Free space/],
  ['EDQUOT', 'STORAGE_FULL', /quota/, /Raise the quota/],
  ['NO_INODES', 'STORAGE_FULL', /no inode/, /df -i/],
  ['EROFS', 'DATA_NOT_WRITABLE', /mounted read-only/, /Mount it writable/],
  ['EIO', 'DATA_NOT_WRITABLE', /failed/, /dmesg/],
  ['ESTALE', 'DATA_NOT_WRITABLE', /network disk/, /Mount it again/],
  ['EISDIR', 'DATA_NOT_WRITABLE', /A folder stands at/, /move it away/],
  ['ENOTDIR', 'DATA_NOT_WRITABLE', /A file stands at/, /Move the file away/],
  ['EEXIST', 'DATA_NOT_WRITABLE', /A file stands at/, /Move the file away/],
  ['ENOENT', 'DATA_NOT_WRITABLE', /is not there/, /Check the path/],
  ['ENAMETOOLONG', 'DATA_NOT_WRITABLE', /too long/, /shorter/],
  ['ELOOP', 'DATA_NOT_WRITABLE', /circle/, /Replace the link/],
  ['EMFILE', 'OUT_OF_FILES', /may open no further file/, /ulimit -n/],
  ['ENFILE', 'OUT_OF_FILES', /machine has no open file left/, /fs\.file-max/],
]

function withCode(from: string, to: string): typeof ON_FILES {
  return ON_FILES.map(([errno, code, ...words]) => [errno, code === from ? to : code, ...words])
}

const SOCKET: typeof ON_FILES = [
  ['EADDRINUSE', 'PORT_IN_USE', /Another program listens/, /Stop it/],
  ['ENOTSOCK', 'SOCKET_UNUSABLE', /no socket/, /Move it away/],
  ['EACCES', 'SOCKET_UNUSABLE', /may not make the socket/, /right to write to \/some/],
  ['EPERM', 'SOCKET_UNUSABLE', /may not make the socket/, /right to write to \/some/],
  ['OWN_MODE', 'SOCKET_UNUSABLE', /may not make the socket/, /right to write to \/some/],
  ['ENOTDIR', 'SOCKET_UNUSABLE', /a file stands above it/, /another path with --listen-http/],
  ['EEXIST', 'SOCKET_UNUSABLE', /a file stands above it/, /another path with --listen-http/],
  ['ENOENT', 'SOCKET_UNUSABLE', /folder \/some is not there/, /Make the folder first/],
  ['EINVAL', 'SOCKET_UNUSABLE', /107 bytes/, /shorter/],
  ['ENAMETOOLONG', 'SOCKET_UNUSABLE', /107 bytes/, /shorter/],
]

const EXPECTED: Readonly<Record<FaultPlace, typeof ON_FILES>> = {
  port: [
    ['EADDRINUSE', 'PORT_IN_USE', /already in use/, /Stop the program/],
    ['EACCES', 'PORT_FORBIDDEN', /may not listen/, /1024/],
    ['EPERM', 'PORT_FORBIDDEN', /forbids/, /SELinux/],
    ['EADDRNOTAVAIL', 'ADDRESS_UNAVAILABLE', /has no address/, /ip address/],
    ['ENOTFOUND', 'ADDRESS_UNAVAILABLE', /no name server knows/, /Check the name/],
    ['EAI_AGAIN', 'ADDRESS_UNAVAILABLE', /No name server answered/, /IP address/],
    ['EAFNOSUPPORT', 'ADDRESS_UNAVAILABLE', /no IPv6/, /IPv4/],
    ['EMFILE', 'OUT_OF_FILES', /may open no further file/, /ulimit -n/],
    ['ENFILE', 'OUT_OF_FILES', /machine has no open file left/, /fs\.file-max/],
  ],
  socket: [
    ...withCode('DATA_NOT_WRITABLE', 'SOCKET_UNUSABLE').filter(
      ([errno]) => !SOCKET.some(([own]) => own === errno),
    ),
    ...SOCKET,
  ],
  data: [...ON_FILES, ['EXDEV', 'DATA_NOT_WRITABLE', /file system of the uploads/, /one mount/]],
  database: [
    ...ON_FILES,
    ['SQLITE_BUSY', 'DATABASE_BUSY', /holds the database/, /fuser/],
    ['SQLITE_CANTOPEN', 'DATABASE_UNUSABLE', /cannot open/, /SELinux/],
    ['SQLITE_IOERR', 'DATA_NOT_WRITABLE', /cannot read or write/, /restart the server/],
    ['SQLITE_NOTADB', 'DATABASE_UNUSABLE', /is no database/, /backup/],
    ['SQLITE_CORRUPT', 'DATABASE_UNUSABLE', /damaged/, /backup/],
  ],
  file: withCode('DATA_NOT_WRITABLE', 'SYSTEM_REFUSED'),
}

for (const [place, rows] of Object.entries(EXPECTED) as [FaultPlace, typeof ON_FILES][]) {
  test(`each errno of the place "${place}" has the code, the cause and the remedy that are right there`, () => {
    assert.deepEqual(
      rows.map(([errno]) => errno).toSorted(),
      Object.keys(SYSTEM_FAULTS[place]).toSorted(),
      'a row is missing here, or there',
    )
    for (const [errno, code, what, remedy] of rows) {
      const error = toAppError(
        makeFault(errno),
        place,
        errno.startsWith('SQLITE') ? '/tmp/place' : '/some/place',
      )
      assert.ok(error instanceof AppError, `${place} ${errno}`)
      assert.equal(error.code, code, `${place} ${errno}`)
      assert.match(error.message, what)
      assert.match(error.remedy, remedy)
      assert.doesNotMatch(`${error.message} ${error.remedy}`, /[{}]/)
    }
  })
}

/** An error as the system, or SQLite, throws it. */
function makeFault(errno: string): Error {
  const sqlite = {
    SQLITE_BUSY: 5,
    SQLITE_CANTOPEN: 14,
    SQLITE_IOERR: 10,
    SQLITE_CORRUPT: 11 + 256,
    SQLITE_NOTADB: 26,
  }[errno]
  if (sqlite !== undefined)
    return Object.assign(new Error('x'), { code: 'ERR_SQLITE_ERROR', errcode: sqlite })
  return Object.assign(new Error('x'), { code: errno, syscall: 'open' })
}

test('what the system did not refuse stays what it is, and the cause of another error is found', () => {
  const bug = new TypeError('x is not a function')
  assert.equal(toAppError(bug, 'file'), bug)
  const coded = Object.assign(new Error('x'), { code: 'ERR_INVALID_ARG_TYPE' })
  assert.equal(toAppError(coded, 'file'), coded)
  const wrapped = toAppError(new Error('outer', { cause: makeFault('EROFS') }), 'data', '/x')
  assert.ok(wrapped instanceof AppError && wrapped.code === 'DATA_NOT_WRITABLE')
})
