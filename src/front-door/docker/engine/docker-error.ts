/** Problems with an engine, or with another server in its place. */
export type DockerErrorCode =
  | 'DOCKER_URL_INVALID'
  | 'DOCKER_MISSING'
  | 'DOCKER_DENIED'
  | 'DOCKER_FORBIDDEN'
  | 'DOCKER_REFUSED'
  | 'DOCKER_GONE'
  | 'DOCKER_TIMEOUT'
  | 'DOCKER_TLS_FAILED'
  | 'DOCKER_ANSWER_INVALID'
  | 'DOCKER_TOO_OLD'
  | 'DOCKER_NOT_FOUND'

const REMEDIES: Readonly<Record<DockerErrorCode, string>> = {
  DOCKER_URL_INVALID: 'Give --docker-host as unix:///path or tcp://host:port',
  DOCKER_MISSING: 'Start Docker, name its socket with --docker-host, or say --docker-host off',
  DOCKER_DENIED: "Run Berth as root or in the socket's group, or give it a socket proxy",
  DOCKER_FORBIDDEN:
    'Let the socket proxy allow GET for events, containers, images, networks, info, version and ping',
  DOCKER_REFUSED: 'Start the engine, or set its address with --docker-host; Berth tries again by itself',
  DOCKER_GONE: 'Check that the engine runs; Berth tries again by itself',
  DOCKER_TIMEOUT: 'Check that the engine is not stuck ("docker ps"); Berth tries again by itself',
  DOCKER_TLS_FAILED: 'Let DOCKER_CERT_PATH name the folder with ca.pem, cert.pem and key.pem of this engine',
  DOCKER_ANSWER_INVALID: 'See that --docker-host leads to a Docker engine',
  DOCKER_TOO_OLD: 'Use Docker 17.06 or newer, or podman 3.0 or newer',
  DOCKER_NOT_FOUND: 'It was removed; nothing needs to be done',
}

/** An engine that cannot be read from: the cause, and in `remedy` the next step. Holds no secrets. */
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

/** Beginnings of the codes of TLS errors. */
const TLS_CODE = /^(?:ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|HOSTNAME_MISMATCH|EPROTO)/

/** Turns the error of a failed request into one with a cause and a remedy. */
export function toDockerError(error: unknown, url: string): DockerError {
  if (error instanceof DockerError) return error
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (code === 'ENOENT') return new DockerError('DOCKER_MISSING', url, 'there is no such socket', error)
  if (code === 'EACCES' || code === 'EPERM')
    return new DockerError('DOCKER_DENIED', url, 'this user may not open its socket', error)
  if (code === 'ECONNREFUSED' || code === 'ENOTSOCK')
    return new DockerError('DOCKER_REFUSED', url, 'nothing listens there', error)
  if (code.startsWith('HPE_'))
    return new DockerError('DOCKER_ANSWER_INVALID', url, 'what answers there does not speak HTTP', error)
  if (TLS_CODE.test(code)) return new DockerError('DOCKER_TLS_FAILED', url, `TLS failed (${code})`, error)
  if (error instanceof Error && error.name === 'TimeoutError')
    return new DockerError('DOCKER_TIMEOUT', url, 'it does not answer in time', error)
  return new DockerError('DOCKER_GONE', url, `the connection was lost${code && ` (${code})`}`, error)
}
