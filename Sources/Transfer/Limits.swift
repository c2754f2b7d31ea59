/// Every fixed bound of the core, with its unit and its reason.
public enum Limits {
  /// Most connections of one session: `--max-connections` goes no higher.
  ///
  /// The benchmark's largest case; each costs one place, two operations and 8 KiB in the driver.
  public static let connectionsPerSession = 256
  /// Places for accepted connections that have not proved anything yet.
  ///
  /// A stranger who opens thousands evicts other strangers, oldest first, never the session.
  public static let halfOpenConnections = 32
  /// Dials on their way at a time: half of `halfOpenConnections`, or a listener takes our own for
  /// strangers who crowd each other out.
  public static let dialsAtOnce = 16
  /// Size of the connection table.
  public static let connectionTableSize = connectionsPerSession + halfOpenConnections
  /// One to fill, one to send, two kept back for the lowest missing frame.
  public static let slotCountMinimum = 4
  /// The in-flight table names slots and connections in 16 bits; 8192 slots of 4 KiB are 64 MiB.
  public static let slotCountMaximum = 8192
  /// Slots that only the lowest missing frame may take, so that a full window cannot deadlock.
  ///
  /// Two, because the sender keeps at most `copiesPerFrame` of a frame on the way.
  public static let slotsKeptBack = 2
  /// Most connections that carry the same frame at one time.
  public static let copiesPerFrame = 2
  /// Wrong checksums that may wait to be reported on one connection; more means a broken path.
  public static let pendingRejects = 8
  /// Damaged answers to the first hello before the path, or who answers, is taken for hopeless: one
  /// flipped bit in 128 bytes is rare, and three in a row are no accident.
  public static let damagedWelcomes = 3
  /// Connections that may break the protocol before the session is given up; an honest peer breaks
  /// none, so this only bounds the patience with a hostile or foreign one.
  public static let violationsPerSession = 16

  /// Read ahead at first: a frame of 256 KiB for each of the eight connections that four links have;
  /// more of them are no longer in a processor's cache when they are sent.
  public static let readAheadByteCount = 2 << 20
  /// However large frames are, there is one for each of so many connections.
  public static let readAheadFrameCount = 8
  /// Longest time that connections wait for the input before more is read ahead: what is unsent in
  /// their sockets (`TCP_NOTSENT_LOWAT`, 256 KiB each) lasts for 2 ms at 1 Gbit/s.
  public static let dryTooLong: Duration = .milliseconds(2)
  /// Reads at offsets that are in flight at a time: a disk wants several to be busy all the time, and
  /// eight of 256 KiB are 2 MiB of memory.
  public static let readsInFlight = 8
  /// Writes at offsets that are in flight at a time; as for reads.
  public static let writesInFlight = 8
  /// Longest single read or write at an offset: the kernel hands what needs more than one request of
  /// the disk to a worker thread (io_uring.md, section 4.1: 512 KiB never did).
  public static let pieceByteCount = 512 << 10
  /// Bytes written at offsets before they are brought to the disk, and as many again meanwhile: a
  /// quarter and a half of the 256 MiB by which a copy may let the page cache grow.
  public static let writeBehindByteCount: UInt64 = 64 << 20

  /// Stretches of an output whose sums are kept to compare it when it is read back: 128 KiB of memory,
  /// and 64 MiB of a disk of 1 TiB each.
  public static let stretchCount = 16_384
  /// Length of a stretch while the stream is short: the longest frame's.
  public static let smallestStretch: UInt64 = 1 << 20
  /// A journal is at most so much older than what it tells of: what a killed process loses.
  public static let journalInterval: Duration = .seconds(2)
  /// Longest hole that one frame stands for: 1 TiB, so that 16 TiB of nothing are 16 frames.
  public static let holeByteCount: UInt64 = 1 << 40
  /// Holes that are shorter are read and sent like data: a frame costs more than 64 KiB of zeros.
  public static let smallestHole: UInt64 = 64 << 10
  /// Most bytes that one operation clears: a disk that has to write zeros for it takes seconds, and
  /// the progress should be seen.
  public static let clearByteCount: UInt64 = 1 << 30
  /// Zeros that one write takes from memory: as much as a frame, or a quarter of a pipe.
  public static let zerosByteCount = 256 << 10

  /// A receiver acknowledges at the latest after so many payload bytes on one connection.
  ///
  /// From design.md section 4: fewer acknowledgements cost the sender memory, more cost both time.
  public static let acknowledgeByteCount = 1 << 20
  /// A receiver acknowledges at the latest after this time.
  public static let acknowledgeDelay: Duration = .milliseconds(10)
  /// The least of it, where the window is what limits: a loop that turns no more often than this for
  /// its sake has time for other things.
  public static let acknowledgeDelayMinimum: Duration = .milliseconds(1)
  /// Frames for links of different speeds are no smaller than this: below, headers and operations cost
  /// more than the payload.
  public static let fittedFrameMinimum = 64 << 10
  /// And they last for so long on the fastest link: a connection has one send on its way, and the loop
  /// takes some tens of microseconds to come round to the next.
  public static let fittedFrameTime: Duration = .microseconds(100)
  /// An idle direction of a connection says this often that it is alive; it also gives TCP something
  /// to be acknowledged, which is what tells a silent path from an idle one.
  public static let heartbeatInterval: Duration = .seconds(1)
  /// How often TCP's own state of each connection is looked at.
  public static let measureInterval: Duration = .milliseconds(250)

  /// Connections over a single link where the user names no number: they help where one core or one
  /// queue of the network card is the limit, and cost little where not.
  public static let connectionsOfOneLink = 4
  /// Connections per link where there are several: a second one fills the link while the first
  /// recovers from a loss.
  public static let connectionsPerLink = 2
  /// Candidates opened for each connection wanted before one makes do: 24 draws through two hashes
  /// over four links each leave a link without its share once in a thousand times.
  public static let candidatesPerConnection = 3
  /// Candidates where links differ, or a switch has another number of them: of 64 pairs of links one
  /// that matters is missed by so many draws once in fifty times.
  public static let candidates = 256
  /// A burst that shows a connection's links: large against what else crosses an idle link in the
  /// milliseconds that it takes (design.md, section 7: 64 KiB named both links of 24 of 24).
  public static let soundingByteCount = 64 << 10
  /// The same once a burst has shown that the links are slow: they carry little else in that time.
  public static let smallSoundingByteCount = 16 << 10
  /// The same over a long path: what TCP sends before the first answer is ten segments.
  public static let oneFlightByteCount = 12 << 10
  /// Time between bursts that do not wait for each other's answer: as many bytes take 10 ms at
  /// 10 Mbit/s.
  public static let soundingInterval: Duration = .milliseconds(12)
  /// Bursts of one connection that may meet others on a slow link before it is left unknown.
  public static let soundingsThatMeet = 2
  /// A burst that takes longer than this beyond the round trip went over a slow link: 64 KiB take as
  /// much at 25 Mbit/s.
  public static let slowSounding: Duration = .milliseconds(20)
  /// Longest wait for the answer to one burst, beyond two round trips: at 10 Mbit/s it takes 52 ms.
  public static let soundingTimeout: Duration = .milliseconds(150)
  /// Bursts in a row that may name no link before the links are watched instead.
  public static let unclearSoundings = 3
  /// The data waits no longer than this, and `gatheringRoundTrips`, for the choice of connections.
  public static let gatheringTimeout: Duration = .milliseconds(600)
  /// And so much longer while connections are known to leave a good part of the links idle: what that
  /// costs is won back in a minute.
  public static let searchTimeout: Duration = .milliseconds(1500)
  /// A burst takes a round trip, and eight links want a good dozen; TCP needs as many to fill a long path.
  public static let gatheringRoundTrips = 16
  /// Of a pair, the data of the first direction wait no longer than this for the second to have
  /// chosen: its dials, its gathering, and a frame on the way.
  public static let partnerTimeout: Duration = .seconds(1)
  /// A connection whose frames are not acknowledged for so long is broken, or as good as that.
  public static let stuckAfter: Duration = .milliseconds(500)
  /// Shortest time between two choices of connections: each stops the data for a tenth of a second
  /// at most where nothing is broken, so this costs 2 % at worst.
  public static let gatheringInterval: Duration = .seconds(5)
  /// How often the receiver shows its links' counters, and the sender looks for idle ones.
  public static let statusInterval: Duration = .seconds(1)
  /// Times that connections are opened for idle links before these are told of at the end.
  public static let mendingAttempts = 3
  /// The pause between such attempts doubles so often, from 2 s to 32 s: each costs a choice of
  /// connections, so a link that nothing leads to costs 0.2 %.
  public static let mendingDoublings = 5

  /// An accepted connection must have proved itself by then; an honest one needs two round trips.
  public static let handshakeTimeout: Duration = .seconds(5)
  /// A dial that has not been answered by then is given up; SYNs go out at 0, 1 and 3 s.
  public static let dialTimeout: Duration = .seconds(4)
  /// The same once there is a session: another port may lead around what is broken, and another SYN
  /// on this one, after 3 s, would not.
  public static let redialTimeout: Duration = .milliseconds(1500)
  /// Frames acknowledged on a connection before the first one is sent without a copy: loopback and
  /// veth turn that one into small pages, which overfill a receive buffer that has not grown yet
  /// (100 ms of zero window, measured on 6.18).
  public static let framesBeforeZeroCopy: UInt64 = 16
  /// First pause before dialling again; doubles up to `dialPauseMaximum`.
  public static let dialPause: Duration = .milliseconds(100)
  /// Longest pause before dialling again: a healed link is to be used within 5 s.
  public static let dialPauseMaximum: Duration = .seconds(1)
  /// No connection, and the peer's host answers that nobody is there: the process has gone.
  public static let goneAfter: Duration = .seconds(3)
  /// A turn that comes later than this was held up by a stopped process or a sleeping machine; a
  /// busy machine delays by less.
  public static let standstill: Duration = .seconds(1)
  /// The horizon is a round trip and this at least, since acknowledgements are up to 10 ms late and TCP
  /// needs some depth; but no longer than the window takes to fill.
  public static let horizonMinimum: Duration = .milliseconds(25)
  /// The horizon is never longer: a late frame is repeated at the latest then.
  public static let horizonMaximum: Duration = .seconds(1)
  /// A connection that is so many times slower than the fastest gets no frame that it cannot deliver
  /// within the horizon; connections that share one link differ by less.
  public static let muchFaster: Int64 = 4
  /// From this part of the time on, in thousandths, a connection without anything to send is one that
  /// could carry more.
  public static let hunger: Int64 = 100
  /// For so long it is kept in mind that there were such connections: else what helps them is undone
  /// as soon as it has helped.
  public static let windowMemory: Duration = .seconds(2)
  /// Connections whose frames take so much longer than a twentieth more than another's are slower:
  /// acknowledgements come in lumps.
  public static let latencyNoise: Duration = .milliseconds(2)
  /// How often a connection that is too slow is tried again: what is too slow for a frame in the
  /// horizon, 25 ms at least, loses little by it.
  public static let trialInterval: Duration = .seconds(1)
  /// Bytes that a connection may have ahead before its rate is known: a slow start's first rounds.
  public static let aheadOfFirstEstimate = 1 << 20
  /// Rates that a sender can be held to, in bits per second: at the lowest a frame of 4 KiB takes a
  /// third of a second; the highest is beyond any host, and a frame still takes 33 ns.
  public static let rateRange = 100_000...1_000_000_000_000
  /// What a frame takes at most at such a rate, and what a sender that was held up makes up for:
  /// longer than a busy machine wakes us late, too short to fill the buffers of a switch for long.
  public static let paceStep: Duration = .milliseconds(20)
  /// A read below this many bytes, a default pipe's capacity, is a small one.
  public static let smallRead = 64 << 10
  /// Small reads that follow one another as fast as this come from a source at full speed.
  public static let quickInput: Duration = .microseconds(500)
  /// How long such a source is left alone: at 1 GiB/s the pipe gathers 40 KiB more, and the
  /// kernel's timer slack adds as much again.
  public static let inputGathering: Duration = .microseconds(40)
  /// A command that takes no more has so long to end, so that its status says why; the kernel closes
  /// what a process held a moment before it has ended.
  public static let commandDelay: Duration = .seconds(1)
  /// A command that is told to end (SIGTERM) has so long to put away what it was working on before it
  /// is killed; both ends are to be over within 5 s.
  public static let commandFarewell: Duration = .seconds(2)
  /// A command that was killed is waited for no longer: it is inside a system call that does not end.
  public static let commandDeath: Duration = .seconds(1)
  /// Time that the last words (abort, goodbye) get to leave the machine.
  public static let partingTimeout: Duration = .seconds(1)
  /// Time that a receiver waits, after its verdict, for the sender to have heard it.
  public static let verdictLinger: Duration = .seconds(5)
  /// A frame that holds up the window is sent again after this time, until rates are known and the
  /// horizon takes its place.
  ///
  /// 64 KiB at 10 Mbit/s take 52 ms; twice that, so that a slow link is not doubled for nothing.
  public static let lateAfter: Duration = .milliseconds(100)
}
