/** What is wrong with an engine. */
export type DockerErrorCode =
  | 'DOCKER_URL_INVALID'
  | 'DOCKER_MISSING'
  | 'DOCKER_DENIED'
  | 'DOCKER_GONE'
  | 'DOCKER_ANSWER_INVALID'

const REMEDIES: Readonly<Record<DockerErrorCode, string>> = {
  DOCKER_URL_INVALID: 'Give --docker-host as unix:///path or tcp://host:port',
  DOCKER_MISSING: 'Start Docker, name its socket with --docker-host, or say --docker-host off',
  DOCKER_DENIED:
    "Run Berth as root or in the socket's group, or give it a socket proxy that allows the paths of docs/front-door.md",
  DOCKER_GONE: 'See that the engine runs; it is tried again by itself',
  DOCKER_ANSWER_INVALID: 'See that --docker-host leads to a Docker engine',
}

/** An engine that cannot be read from: why, and what to do. */
export class DockerError extends Error {
  override readonly name = 'DockerError'
  readonly code: DockerErrorCode
  readonly remedy: string

  constructor(code: DockerErrorCode, url: string, reason: string, cause?: unknown) {
    super(`The Docker engine${url === '' ? '' : ` at ${url}`} cannot be read from: ${reason}`, { cause })
    this.code = code
    this.remedy = REMEDIES[code]
  }
}
