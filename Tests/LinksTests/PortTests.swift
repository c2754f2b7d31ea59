import Links
import Testing

struct PortTests {
  @Test func `the kernel's lists of ports are read`() {
    #expect(PortChooser.parseRange("32768\t60999\n") == 32768...60999)
    #expect(PortChooser.parseRange("60999\t32768\n") == nil)
    #expect(PortChooser.parseRange("") == nil)
    #expect(PortChooser.parseReserved("\n").isEmpty)
    let ranges: [ClosedRange<UInt16>] = [8080...8080, 9148...9150, 65535...65535]
    #expect(PortChooser.parseReserved("8080,9148-9150,65535\n") == ranges)
    var host = RecordedHost()
    #expect(PortChooser(host: host) == PortChooser())
    host.files["/proc/sys/net/ipv4/ip_local_port_range"] = "1024\t2000\n"
    host.files["/proc/sys/net/ipv4/ip_local_reserved_ports"] = "1500-1600\n"
    let chooser = PortChooser(host: host, taken: [1700])
    #expect(chooser.range == 1024...2000 && chooser.reserved == [1500...1600])
  }

  @Test func `each link gets its candidates, none twice, none reserved or taken`() {
    let chooser = PortChooser(
      range: 40000...40999,
      reserved: [40100...40199],
      taken: Set(40500...40599)
    )
    for seed in 0..<100 {
      var generator = SplitMix(state: UInt64(seed))
      let wanted = [8, 8, 2, 12]
      let found = chooser.candidates(wanted: wanted, using: &generator) { Int($0 / 2) % 4 }
      #expect(found.map(\.count) == wanted)
      for (link, ports) in found.enumerated() {
        #expect(ports.allSatisfy { Int($0 / 2) % 4 == link })
      }
      let all = found.flatMap { $0 }
      #expect(Set(all).count == all.count)
      #expect(all.allSatisfy { !(40100...40199).contains($0) && !(40500...40599).contains($0) })
    }
  }

  @Test func `the same seed gives the same ports`() {
    var first = SplitMix(state: 7)
    var second = SplitMix(state: 7)
    let link = { (port: UInt16) in Int(port) % 2 as Int? }
    let chooser = PortChooser()
    let ports = chooser.candidates(wanted: [4, 4], using: &first, link: link)
    #expect(ports == chooser.candidates(wanted: [4, 4], using: &second, link: link))
  }

  @Test func `the search ends when a link is out of reach`() {
    var generator = SplitMix(state: 3)
    var asked = 0
    let found = PortChooser().candidates(wanted: [4, 4], using: &generator) { _ in
      asked += 1
      return 0
    }
    #expect(found.map(\.count) == [4, 0])
    #expect(asked <= 512)
    let none = PortChooser(range: 5...5, taken: [5])
      .candidates(wanted: [1], using: &generator) { _ in 0 }
    #expect(none == [[]])
  }
}
