// Goal: with --prefer a later host gets a frame only while all connections to earlier ones are busy.
// Method: a sender's table and frames are set up by hand. A failure here means: the wrong host pays.
import Testing
import Wire

@testable import Transfer

@Suite struct PreferenceTests {
  private let now = Instant(nanoseconds: 1_000_000_000)
  private let geometry = Geometry(frameByteCount: 4096, memoryByteCount: 8 * 8192)

  @Test func `one frame goes to the preferred host, wherever it stands in the table`() throws {
    var session = try session(isPreferring: true, frames: 1)
    session.pumpSends(at: now)
    #expect(session.connections.map(\.carried.count) == [0, 1])
  }

  @Test func `the next host gets what is left over`() throws {
    var session = try session(isPreferring: true, frames: 2)
    session.pumpSends(at: now)
    #expect(session.connections.map(\.carried.count) == [1, 1])
    #expect(session.connections[1].carried.first?.number == 0)
  }

  @Test func `without a preference the hosts are alike`() throws {
    var session = try session(isPreferring: false, frames: 1)
    session.pumpSends(at: now)
    #expect(session.connections.map(\.carried.count) == [1, 0])
  }

  @Test func `hosts behind one link are alternatives, unless one is preferred`() {
    let lanes = [Lane(target: 0, link: 0, rank: 0), Lane(target: 1, link: 0, rank: 1)]
    var alike = dialing()
    alike.use(lanes, isPreferring: false, at: now)
    #expect(alike.groups.map(\.targets) == [[0, 1]])
    var ordered = dialing()
    ordered.use(lanes, isPreferring: true, at: now)
    #expect(ordered.groups.map(\.targets) == [[0], [1]])
    #expect(ordered.rankCount == 2)
  }

  private func dialing() -> DialState {
    DialState(targetCount: 2, askedCount: nil, limit: 64, giveUpAt: now, at: now)
  }

  /// A running sender with one connection to the second host, then one to the first.
  private func session(isPreferring: Bool, frames: Int) throws -> Session {
    var options = Options(
      role: .sender,
      opening: .dial(targetCount: 2, connectionCount: nil),
      frameByteCount: 4096,
      memoryByteCount: 8 * 8192,
      random: Fours()
    )
    options.isPreferring = isPreferring
    var session = Session(options, at: now)
    let lanes = [Lane(target: 0, link: nil, rank: 0), Lane(target: 1, link: nil, rank: 1)]
    session.dialing?.use(lanes, isPreferring: isPreferring, at: now)
    session.phase = .running
    session.geometry = geometry
    session.gathering = Gathering(deadline: now)
    session.gathering?.step = .done
    var stream = SendStream(geometry: geometry)
    stream.windowLimit = 8
    for _ in 0..<frames {
      _ = stream.rangeToFill()
      _ = stream.didFill(byteCount: 4096)
      let seal = stream.beginSeal()
      _ = stream.didSeal(try #require(seal).0, checksum: 1)
    }
    session.sending = stream
    for group in [isPreferring ? 1 : 0, 0] {
      var connection = Connection()
      connection.state = .joined
      connection.group = group
      connection.sourceSent = true
      connection.lastSent = now
      connection.carried = RingQueue(capacity: 8)
      session.connections.append(connection)
    }
    return session
  }
}
