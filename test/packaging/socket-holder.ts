import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface, type Interface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
/** Longest wait for the holder, in ms: a stop of workers on a busy machine. */
const TURN_TIMEOUT_MS = 120_000

/**
 * Keeps listening sockets as systemd does. Of each line it reads, "start" starts a server that has them as descriptors 3
 * and 4, and "stop" sends it SIGTERM and prints its exit code.
 */
const PROGRAM = `
import json, os, signal, socket, sys
names, log, command = sys.argv[1], sys.argv[2], sys.argv[3:]
sockets = []
for name in names.split(':'):
    one = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
    one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    one.bind(('::', 0))
    one.listen(4096)
    sockets.append(one)
ports = [one.getsockname()[1] for one in sockets]
print(json.dumps(ports), flush=True)
pid = 0
while True:
    line = sys.stdin.readline().strip()
    if line == 'start':
        pid = os.fork()
        if pid == 0:
            output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            kept = [os.dup2(one.fileno(), 100 + at) for at, one in enumerate(sockets)]
            for at, descriptor in enumerate(kept): os.dup2(descriptor, 3 + at)
            for descriptor in kept: os.close(descriptor)
            os.dup2(output, 1)
            os.dup2(output, 2)
            own = {'LISTEN_PID': str(os.getpid()), 'LISTEN_FDS': str(len(sockets)), 'LISTEN_FDNAMES': names}
            for at, port in enumerate(ports):
                command = [part.replace('PORT%d' % at, str(port)) for part in command]
            os.execve(command[0], command, {**os.environ, **own})
        print(pid, flush=True)
    elif line == 'stop' or line == 'wait':
        if line == 'stop': os.kill(pid, signal.SIGTERM)
        status = os.waitpid(pid, 0)[1]
        pid = 0
        print(os.waitstatus_to_exitcode(status), flush=True)
    else:
        if pid != 0: os.kill(pid, signal.SIGKILL)
        break
`

/** A parent process that keeps two sockets for a server which comes and goes. */
export class SocketHolder implements AsyncDisposable {
  readonly ports: readonly number[]
  readonly #child: ChildProcess
  readonly #lines: Interface

  private constructor(child: ChildProcess, lines: Interface, ports: readonly number[]) {
    this.#child = child
    this.#lines = lines
    this.ports = ports
  }

  /** Opens a socket for each of `names`. `flags` are those of `berth serve`; PORT0 and PORT1 become the ports. */
  static async open(names: string, logFile: string, flags: readonly string[]): Promise<SocketHolder> {
    const args = ['-c', PROGRAM, names, logFile, process.execPath, MAIN, 'serve', ...flags]
    const child = spawn('python3', args, { stdio: ['pipe', 'pipe', 'inherit'] })
    const lines = createInterface({ input: child.stdout })
    const [ports = ''] = await once(lines, 'line', { signal: AbortSignal.timeout(TURN_TIMEOUT_MS) })
    return new SocketHolder(child, lines, JSON.parse(String(ports)) as number[])
  }

  /** Starts a server. @returns its process id. */
  start(): Promise<number> {
    return this.#turn('start')
  }

  /** Stops the server. @returns its exit code. */
  stop(): Promise<number> {
    return this.#turn('stop')
  }

  /** Waits for a server that ends by itself. @returns its exit code. */
  ended(): Promise<number> {
    return this.#turn('wait')
  }

  async #turn(word: string): Promise<number> {
    const answer = once(this.#lines, 'line', { signal: AbortSignal.timeout(TURN_TIMEOUT_MS) })
    this.#child.stdin?.write(`${word}\n`)
    const [line] = await answer
    return Number(line)
  }

  /** Ends the server, and closes the sockets. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null) return
    const exit = once(this.#child, 'exit')
    this.#child.stdin?.end()
    await exit
  }
}
