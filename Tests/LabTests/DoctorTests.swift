import Testing

extension LabTests {
  /// Goal:    `braid doctor` says of a route with four next hops whether they are used, and what to do.
  ///
  /// Method:  the lab as it is, and with the kernel's own setting, which goes by addresses only.
  /// Failure: another verdict, no remedy, or a port whose link is not known.
  @Suite(.enabled(if: Lab.isAvailable, Lab.skipReason)) struct DoctorTests {
    @Test func `four links are well when ports decide, and not when addresses do`() throws {
      let text = try Lab.run(
        """
        "$ROOT/Tests/Lab/netlab" run -- bash -c '
          on() { "$ROOT/Tests/Lab/netlab" on a "$@"; }
          on "$BRAID" doctor 10.99.0.2 --ports 40; echo "status $?"
          on sysctl -qw net.ipv4.fib_multipath_hash_policy=0
          on "$BRAID" doctor 10.99.0.2; echo "status $?"'
        """,
        seconds: 30
      ).text
      let halves = text.split(separator: "status ", maxSplits: 2).map(String.init)
      #expect(halves.count == 3 && halves[1].hasPrefix("0") && halves[2].hasPrefix("1"), "\(text)")
      let ports = text.split(separator: "\n").filter { $0.hasPrefix("  port ") }
      #expect(
        ports.count == 40
          && ports.allSatisfy { $0.wholeMatch(of: /\ +port\ \d+\ takes\ a[1-4]/) != nil },
        "\(text)"
      )
      #expect(text.contains("by root: sysctl net.ipv4.fib_multipath_hash_policy=1"), "\(text)")
    }
  }
}
