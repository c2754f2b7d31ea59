import Simulation
import Testing

@Suite struct TopologyTests {
  // Seeds that need few steps; `simulate --links --count` runs the many.

  @Test func `unequal links behind a switch are full, and the connections settled`() throws {
    try expectFullLinks(28)
  }

  @Test func `a link that chance has missed is found, although slow links seem to stand still`()
    throws
  {
    try expectFullLinks(30)
  }

  @Test func `over a long path the choice of connections ends, and is not begun again`() throws {
    try expectFullLinks(79)
  }

  @Test func `slow links behind a switch are not crowded, which would hold up all others`() throws {
    try expectFullLinks(7)
  }

  @Test func `the one pair of fast links is found among many that are slow`() throws {
    try expectFullLinks(212)
  }

  @Test func `a switch with one link fewer than the bond has each of them full`() throws {
    try expectFullLinks(374)
  }

  @Test func `over a long path a connection with one frame ahead is given more`() throws {
    try expectFullLinks(340)
  }

  @Test func `fast links have the window where it is the limit, and slow ones leave it alone`()
    throws
  {
    try expectFullLinks(223)
  }

  @Test func `where memory is less than a path takes in, acknowledgements are not late as well`()
    throws
  {
    try expectFullLinks(362)
  }

  @Test func `over a long path nobody is given more by a rate that jumps`() throws {
    try expectFullLinks(276)
  }

  @Test func `slow links have small frames, for which the others need not wait`() throws {
    try expectFullLinks(356)
  }

  @Test(arguments: [1, 2, 3, 9, 13, 39])
  func `a sender that listens asks for connections, once for each number`(seed: UInt64) throws {
    try expectFullLinks(seed, .linksReversed)
  }

  private func expectFullLinks(_ seed: UInt64, _ endpoints: Endpoints = .links) throws {
    let report = Simulator(seed: seed, endpoints: endpoints).run()
    let option = endpoints == .links ? "--links" : "--links-reversed"
    #expect(report.failure == nil, "swift run -c release simulate \(option) --seed \(seed)")
    let use = try #require(report.use)
    #expect(use.permille >= 950)
    #expect(use.changeCount <= 4)
  }
}
