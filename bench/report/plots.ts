/** Which figures are drawn, and how. */
export interface Plot {
  readonly suite: string
  readonly figure: string
  /** The column of a line's horizontal axis, or the one that parts bars into panels. */
  readonly by: string
  readonly mark: 'line' | 'bar'
  /** Rows that have this column are of another plot. */
  readonly without?: string
  /** What the figure is, with its unit. */
  readonly title: string
}

export const plots: readonly Plot[] = [
  {
    suite: 'fanout',
    figure: 'toLastMsP50',
    by: 'members',
    mark: 'line',
    title: 'ms from publishing to the last receipt',
  },
  { suite: 'burst', figure: 'deliveriesPerSecond', by: 'inFlight', mark: 'bar', title: 'deliveries a second' },
  { suite: 'cluster', figure: 'deliveriesPerSecond', by: 'load', mark: 'bar', title: 'deliveries a second' },
  { suite: 'memory', figure: 'kbPerConnection', by: 'members', mark: 'bar', title: 'KB a connection' },
  { suite: 'memory', figure: 'rssPeakMb', by: 'members', mark: 'bar', title: 'MB of memory at most' },
  { suite: 'fairness', figure: 'smallRoomMsP99', by: 'members', mark: 'bar', title: 'ms in a room of two, p99' },
  { suite: 'frozen', figure: 'othersMsP99', by: 'members', mark: 'bar', title: 'ms until the others have it, p99' },
  { suite: 'control', figure: 'pingMsP99', by: 'members', mark: 'bar', title: 'ms from PING to PONG, p99' },
  { suite: 'storm', figure: 'joinsPerSecond', by: 'members', mark: 'bar', title: 'joins a second' },
  { suite: 'scale', figure: 'usPerDelivery', by: 'members', without: 'rooms', mark: 'line', title: 'µs a delivery' },
  { suite: 'rpc', figure: 'callsPerSecond', by: 'inFlight', mark: 'line', title: 'calls a second' },
  { suite: 'log', figure: 'appendsPerSecond', by: 'inFlight', mark: 'line', title: 'appends a second' },
]

/** The file of a plot: `fanout-to-last-ms-p50.svg`. */
export const plotFile = ({ suite, figure }: Plot): string =>
  `${suite}-${figure.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}.svg`
