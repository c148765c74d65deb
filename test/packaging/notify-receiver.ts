import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'

/** Longest wait for a message, in ms: a start on a busy machine. */
const MESSAGE_TIMEOUT_MS = 60_000
/** Pause between two looks for a message, in ms. */
const POLL_MS = 20

/** Prints each datagram as a line of JSON. Descriptors that come with it are closed: `systemd-notify` waits for that. */
const PROGRAM = `
import json, os, socket, sys
receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.bind(sys.argv[1])
print('"bound"', flush=True)
while True:
    data, descriptors, flags, sender = socket.recv_fds(receiver, 4096, 4)
    for descriptor in descriptors: os.close(descriptor)
    print(json.dumps(data.decode()), flush=True)
`

/** The datagram socket of a service manager, and the messages that came there. */
export class NotifyReceiver implements AsyncDisposable {
  readonly messages: string[] = []
  readonly #child: ChildProcess

  private constructor(child: ChildProcess) {
    this.#child = child
  }

  static async open(path: string): Promise<NotifyReceiver> {
    const child = spawn('python3', ['-c', PROGRAM, path], { stdio: ['ignore', 'pipe', 'inherit'] })
    const receiver = new NotifyReceiver(child)
    const lines = createInterface({ input: child.stdout })
    await once(lines, 'line', { signal: AbortSignal.timeout(MESSAGE_TIMEOUT_MS) })
    lines.on('line', (line) => receiver.messages.push(...(JSON.parse(line) as string).trim().split('\n')))
    return receiver
  }

  /** Waits for a message. */
  async received(pattern: RegExp): Promise<void> {
    const end = performance.now() + MESSAGE_TIMEOUT_MS
    while (!this.messages.some((message) => pattern.test(message))) {
      if (performance.now() > end) throw new Error(`no ${pattern} in ${JSON.stringify(this.messages)}`)
      await sleep(POLL_MS)
    }
  }

  /** Number of messages. */
  count(message: string): number {
    return this.messages.filter((each) => each === message).length
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exit = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await exit
  }
}
