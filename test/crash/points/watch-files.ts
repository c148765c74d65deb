import childProcess, { type ChildProcess, type SpawnOptions } from 'node:child_process'
import fs from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { relative } from 'node:path'
import type { CallKind, CallWatch } from './call-watch.ts'

type AnyFunction = (...parameters: never[]) => unknown
type Functions = Record<string, AnyFunction>

/** Functions of a path that change nothing. */
const READS = ['readdir', 'stat', 'lstat', 'access', 'opendir', 'readFile', 'realpath', 'readlink']
/** Functions of a path, or of two, that change names. */
const NAMES = ['mkdir', 'unlink', 'rmdir', 'rm', 'rename', 'link', 'symlink', 'copyFile']

let current: CallWatch | undefined
let isInstalled = false

/**
 * Sets the watch of all calls below its folder; undefined: none. The first call replaces the functions of `node:fs` in this process:
 * those of promises, and those that block. Those of other threads are not numbered.
 */
export function watchFiles(watch: CallWatch | undefined): void {
  current = watch
  if (isInstalled) return
  isInstalled = true
  const promises = fs.promises as unknown as Functions
  const blocking = fs as unknown as Functions
  for (const name of READS) {
    replace(promises, name, (original) => rejecting(guard(name, 'read', original)))
    replace(blocking, `${name}Sync`, (original) => guard(name, 'read', original))
  }
  for (const name of NAMES) {
    replace(promises, name, (original) => rejecting(guard(name, 'name', original)))
    replace(blocking, `${name}Sync`, (original) => guard(name, 'name', original))
  }
  replace(promises, 'writeFile', guardWriteFile)
  replace(promises, 'open', guardOpen)
  guardDescriptors(blocking)
  guardSync()
  syncBuiltinESMExports()
}

function replace(functions: Functions, name: string, make: (original: AnyFunction) => AnyFunction): void {
  const original = functions[name]
  if (original) functions[name] = make(original)
}

/** The watch of a path; undefined: none. */
function watchOf(path: unknown): CallWatch | undefined {
  return typeof path === 'string' && current && `${path}/`.startsWith(`${current.folder}/`)
    ? current
    : undefined
}

function describe(watch: CallWatch, name: string, path: string): string {
  return `${name} ${relative(watch.folder, path)}`
}

function guard(name: string, kind: CallKind, original: AnyFunction): AnyFunction {
  return (...parameters: unknown[]) => {
    const at = parameters.findIndex((one, index) => index < 2 && watchOf(one))
    const watch = watchOf(parameters[at])
    if (!watch) return original(...(parameters as never[]))
    watch.enter(kind, describe(watch, name, String(parameters[at])))
    const result = original(...(parameters as never[]))
    if (kind !== 'name') return result
    if (result instanceof Promise) {
      return result.then((value) => {
        follow(watch, name, parameters)
        return value
      })
    }
    follow(watch, name, parameters)
    return result
  }
}

/** Its errors are those of the promise, as with the function itself. */
function rejecting(guarded: AnyFunction): AnyFunction {
  return async (...parameters: never[]) => await guarded(...parameters)
}

function follow({ follower }: CallWatch, name: string, parameters: unknown[]): void {
  const [first, second] = parameters.map(String) as [string, string]
  if (name === 'mkdir') follower?.madeFolder(first)
  else if (name === 'symlink') follower?.madeLink(second, first)
  else if (name === 'rename') follower?.moved(first, second)
  else if (name === 'unlink' || name === 'rmdir' || name === 'rm') follower?.removed(first)
  else {
    follower?.opened(second, 'w')
    follower?.wrote(second, { start: 0, end: Number.MAX_SAFE_INTEGER })
  }
}

type WriteFile = typeof fs.promises.writeFile

/** A file that is written as a whole; with half of its bytes it is not synced. */
function guardWriteFile(original: AnyFunction): AnyFunction {
  const write = original as unknown as WriteFile
  const guarded: WriteFile = async (path, data, options) => {
    const watch = watchOf(path)
    if (!watch || typeof path !== 'string') return write(path, data, options)
    const settings = (typeof options === 'object' ? options : {}) as { flag?: string; flush?: boolean }
    const part = watch.enter('write', describe(watch, 'writeFile', path))
    const bytes = Buffer.from(data as Uint8Array)
    const written = part === 'last' ? bytes.subarray(0, bytes.length / 2) : bytes
    watch.follower?.opened(path, settings.flag ?? 'w')
    await write(path, written, options)
    watch.follower?.wrote(path, { start: 0, end: written.length })
    if (part === 'last') watch.endNow()
    if (settings.flush) watch.follower?.synced(path)
  }
  return guarded as unknown as AnyFunction
}

/** Flags of a file as one word: `r` for those that change nothing. */
function nameFlags(flags: string | number): string {
  if (typeof flags === 'string') return flags
  const { O_ACCMODE, O_RDONLY, O_APPEND, O_CREAT } = { O_ACCMODE: 3, ...fs.constants }
  if ((flags & O_ACCMODE) === O_RDONLY) return 'r'
  if ((flags & O_CREAT) === 0) return 'r+'
  return (flags & O_APPEND) === 0 ? 'w' : 'a'
}

function guardOpen(original: AnyFunction): AnyFunction {
  const open = original as unknown as typeof fs.promises.open
  const guarded: typeof open = async (path, flags = 'r', mode) => {
    const watch = watchOf(path)
    if (!watch || typeof path !== 'string') return open(path, flags, mode)
    const named = nameFlags(flags)
    const isChange = named !== 'r'
    watch.enter(isChange ? 'name' : 'read', describe(watch, `open ${named}`, path))
    const handle = await open(path, flags, mode)
    if (isChange) watch.follower?.opened(path, named)
    guardHandle(handle, watch, path)
    return handle
  }
  return guarded as unknown as AnyFunction
}

/** Replaces the functions of one open file; it can always be closed. */
function guardHandle(handle: FileHandle, watch: CallWatch, path: string): void {
  const own = handle as unknown as Functions
  const bind = (name: string): AnyFunction => (own[name] as AnyFunction).bind(handle) as AnyFunction
  for (const name of ['read', 'stat']) {
    const original = bind(name)
    own[name] = async (...parameters: never[]) => {
      watch.enter('read', describe(watch, name, path))
      return await original(...parameters)
    }
  }
  for (const name of ['sync', 'datasync']) {
    const original = bind(name)
    own[name] = async () => {
      try {
        watch.enter('sync', describe(watch, name, path))
      } catch (error) {
        if (!watch.hasEnded) watch.follower?.syncFailed(path)
        throw error
      }
      await original()
      watch.follower?.synced(path)
    }
  }
  const truncate = bind('truncate')
  own.truncate = async (...parameters: never[]) => {
    watch.enter('write', describe(watch, 'truncate', path))
    return await truncate(...parameters)
  }
  const write = handle.write.bind(handle)
  own.write = (async (bytes: Buffer, start = 0, length = bytes.length - start, position?: number) => {
    const part = watch.enter('write', describe(watch, 'write', path))
    const isHalf = part === 'last' || part === 'short'
    const count = isHalf ? Math.ceil(length / 2) : length
    const result = await write(bytes, start, count, position)
    const from = position ?? 0
    watch.follower?.wrote(path, { start: from, end: from + result.bytesWritten })
    if (part === 'last') watch.endNow()
    return result
  }) as unknown as AnyFunction
}

/** Functions that block, of an open file. */
function guardDescriptors(blocking: Functions): void {
  const open = new Map<number, { watch: CallWatch; path: string }>()
  const [openSync, writeSync, fsyncSync, closeSync] = [fs.openSync, fs.writeSync, fs.fsyncSync, fs.closeSync]
  const guarded = {
    openSync(path: string, flags: string | number = 'r', mode?: number): number {
      const watch = watchOf(path)
      if (!watch) return openSync(path, flags, mode)
      const named = nameFlags(flags)
      const isChange = named !== 'r'
      watch.enter(isChange ? 'name' : 'read', describe(watch, `open ${named}`, path))
      const descriptor = openSync(path, flags, mode)
      if (isChange) watch.follower?.opened(path, named)
      open.set(descriptor, { watch, path })
      return descriptor
    },
    writeSync(descriptor: number, data: string | NodeJS.ArrayBufferView, ...rest: never[]): number {
      const known = open.get(descriptor)
      if (!known || typeof data !== 'string')
        return writeSync(descriptor, data as NodeJS.ArrayBufferView, ...rest)
      const { watch, path } = known
      const part = watch.enter('write', describe(watch, 'write', path))
      const length = writeSync(descriptor, part === 'last' ? data.slice(0, data.length / 2) : data)
      watch.follower?.wrote(path, { start: 0, end: length })
      if (part === 'last') watch.endNow()
      return length
    },
    fsyncSync(descriptor: number): void {
      const known = open.get(descriptor)
      known?.watch.enter('sync', describe(known.watch, 'sync', known.path))
      fsyncSync(descriptor)
      known?.watch.follower?.synced(known.path)
    },
    closeSync(descriptor: number): void {
      open.delete(descriptor)
      closeSync(descriptor)
    },
  }
  Object.assign(blocking, guarded)
}

/** The program `sync`, which makes everything below a folder durable; Node has no call for it. */
function guardSync(): void {
  const { spawn } = childProcess
  const guarded = (command: string, parameters: readonly string[], options: SpawnOptions): ChildProcess => {
    const watch = command === 'sync' ? watchOf(parameters.at(-1)) : undefined
    if (!watch) return spawn(command, parameters, options)
    const folder = String(parameters.at(-1))
    try {
      watch.enter('sync', describe(watch, 'sync -f', folder))
    } catch (error) {
      if (watch.hasEnded) throw error
      return spawn('false', options)
    }
    const child = spawn(command, parameters, options)
    child.on('exit', (code) => {
      if (code === 0) watch.follower?.syncedBelow(folder)
    })
    return child
  }
  Object.assign(childProcess, { spawn: guarded })
}
