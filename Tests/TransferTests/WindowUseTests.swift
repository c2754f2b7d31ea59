// Goal:    memory is used well: frames suit the slowest link, acknowledgements a fast or long path.
// Method:  a session is set up by hand with links, rates and round trips.
// Failure: links idle while the window waits for a slow one, or memory for late acknowledgements.
import Testing
import Wire

@testable import Transfer

@Suite struct WindowUseTests {
  private let start = Instant(nanoseconds: 1_000_000_000)

  @Test func `links of one speed have the largest frames`() {
    #expect(frameByteCount(links: [1000, 1000, 1000, 1000]) == 256 << 10)
    #expect(frameByteCount(links: [10_000]) == 256 << 10)
    #expect(frameByteCount(links: []) == 256 << 10)
  }

  @Test func `a slow link has frames that the others need not wait for, or is left alone`() {
    // 32 MiB last 59.7 ms at 4.5 Gbit/s; 300 Mbit/s carry 279,620 bytes in an eighth of that.
    #expect(frameByteCount(links: [300, 4200]) == 256 << 10)
    // 53.7 ms at 5 Gbit/s, and 130 Mbit/s.
    #expect(frameByteCount(links: [130, 4870]) == 106_496)
    #expect(frameByteCount(links: [60, 4940]) == Limits.fittedFrameMinimum)
    #expect(frameByteCount(links: [10, 4990]) == 256 << 10)
  }

  @Test func `a fast link has no frames that are over before the next one is there`() {
    #expect(frameByteCount(links: [80, 7920]) == 98_304)
  }

  @Test func `what the path takes of the window is not there for slow links`() {
    #expect(frameByteCount(links: [300, 4200], milliseconds: 30) == 135_168)
    #expect(frameByteCount(links: [300, 4200], milliseconds: 60) == 256 << 10)
  }

  @Test func `a link of unknown speed says nothing of frames`() {
    #expect(frameByteCount(links: [60, 0, 4940]) == 256 << 10)
  }

  @Test func `frames stay as they were said in the first hello`() {
    var session = session(.sender)
    session.localLinks = links([60, 4940])
    session.fitFrames(roundTrip: .zero)
    session.localLinks = links([1000])
    session.fitFrames(roundTrip: .zero)
    #expect(session.frameByteCount == Limits.fittedFrameMinimum)
  }

  @Test func `acknowledgements are as late as may be while the window lasts`() {
    #expect(acknowledgeDelay(bytesPerMillisecond: 500_000, roundTrip: 1) == .milliseconds(10))
    #expect(acknowledgeDelay(bytesPerMillisecond: 0, roundTrip: 1) == .milliseconds(10))
  }

  @Test func `they are late by a sixth of what the window lasts beyond a round trip`() {
    // 124 frames last 21.7 ms at 1.5 GB/s.
    let delay = acknowledgeDelay(bytesPerMillisecond: 1_500_000, roundTrip: 1)
    #expect(delay > .microseconds(3400) && delay < .microseconds(3500))
    #expect(acknowledgeDelay(bytesPerMillisecond: 1_500_000, roundTrip: 21) == .milliseconds(1))
    #expect(acknowledgeDelay(bytesPerMillisecond: 300_000, roundTrip: 105) == .milliseconds(1))
  }

  private func frameByteCount(links speeds: [Int], milliseconds: Int = 0) -> Int {
    var session = session(.sender)
    session.localLinks = links(speeds)
    session.fitFrames(roundTrip: .milliseconds(milliseconds))
    return session.frameByteCount
  }

  /// Links by their speed in Mbit/s.
  private func links(_ speeds: [Int]) -> [LinkStatus] {
    speeds.map {
      LinkStatus(
        name: "l",
        receivedByteCount: 0,
        sentByteCount: 0,
        bitsPerSecond: UInt64($0) * 1_000_000,
        connectionCount: 0
      )
    }
  }

  /// What a receiver waits for after a second at such a rate.
  private func acknowledgeDelay(bytesPerMillisecond: UInt64, roundTrip: Int) -> Duration {
    var session = session(.receiver)
    let geometry = Geometry(frameByteCount: 256 << 10, memoryByteCount: 32 << 20)
    session.geometry = geometry
    session.receiving = ReceiveStream(geometry: geometry)
    var connection = Connection()
    connection.state = .joined
    connection.leastRoundTrip = .milliseconds(roundTrip)
    session.connections = [connection]
    session.receipt.at = start
    for scan in 1...20 {
      session.statistics.confirmedByteCount += bytesPerMillisecond * 50
      session.updateAcknowledgeDelay(at: start + .milliseconds(scan * 50))
    }
    return session.acknowledgeDelay
  }

  private func session(_ role: Role) -> Session {
    let options = Options(
      role: role,
      opening: role == .sender ? .dial(targetCount: 1, connectionCount: nil) : .listen,
      memoryByteCount: 32 << 20,
      random: Fours()
    )
    return Session(options, at: start)
  }
}
