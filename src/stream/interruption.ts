/** Reason why a body broke off, if it is the sender's fault: the bytes before it have been consumed. */
export type Interruption = 'vanished' | 'stalled' | 'too-large'
