import { Injectable } from '@nestjs/common'

/** How often each limit on strangers, users and connections was reached since the process started. */
@Injectable()
export class AbuseCounters {
  readonly refused = {
    /** CLOSE at accept: the address has too many connections, */
    connectionsPerAddress: 0,
    /** has opened too many in a minute, */
    connectsPerAddress: 0,
    /** or is backed off; a login or resume of one that was open before is counted here, too. */
    backedOff: 0,
    /** CLOSE at login or resume. */
    connectionsPerUser: 0,
    loginsPerUser: 0,
    /** ERROR. */
    roomsPerConnection: 0,
    roomsPerUser: 0,
    roomsInTotal: 0,
  }
  /** Tokens and tickets that nobody here has issued. */
  authFailures = 0
  backoffsBegun = 0
  backoffsLifted = 0
  /** What passed uncounted, since all that is remembered matters more. */
  untracked = 0
}
