import Testing

// Goal: `braid doctor` answers for a plain interface and for this host, and names what it cannot find.
// Method: the loopback interface, which every machine has; bonds are in LinksTests, routes in LabTests.
// Failure: another status or sentence, or an answer on the wrong stream.
extension CommandLineTests {
  @Suite struct Doctoring {
    @Test(arguments: ["lo", "127.0.0.1", "[::1]:5000"])
    func `one link has nothing to change`(place: String) throws {
      let ended = try braid("doctor '\(place)'")
      #expect(ended.status == 0, "\(ended.messages)")
      #expect(ended.text.contains("lo: no bond"), "\(ended.text)")
      #expect(ended.text.hasSuffix("nothing is to be changed\n"))
      #expect(ended.messages.isEmpty)
    }

    @Test func `what is neither interface nor host is named`() throws {
      let ended = try braid("doctor nosuch.invalid")
      #expect(ended.status == 2)
      #expect(ended.text.isEmpty)
      let start = "braid: no interface has the name nosuch.invalid, and "
      #expect(ended.messages.hasPrefix(start) && !ended.messages.contains(".."))
    }

    @Test(arguments: ["--ports 1001", "--ports -1"])
    func `a number of ports has its bounds`(option: String) throws {
      let ended = try braid("doctor \(option)")
      #expect(ended.status == 64)
    }
  }
}
