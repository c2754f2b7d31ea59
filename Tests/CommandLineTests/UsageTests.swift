import Foundation
import Testing

// Goal: nobody is left alone with a command line that does not work.
// Method: each mistake once, with its sentence and its status; the help against a recorded text.
// Failure: another sentence, another status, or help that has changed without anybody looking at it.
extension CommandLineTests {
  @Suite struct Usage {
    @Test(arguments: [
      ("send", "name the receiver (braid send HOST), or let it dial (braid send --listen 27243)"),
      ("send host --listen 1", "give either HOST or --listen, not both"),
      ("receive --listen 1 --connect host", "give either --listen or --connect, not both"),
      ("send host --nope", "Unknown option '--nope'"),
      ("receive host", "Unexpected argument 'host'"),
      ("copy", "Unexpected argument 'copy'"),
      ("send host --quiet --verbose", "give either --quiet or --verbose, not both"),
      ("send host --connections 0", "--connections 0: must be 1 to 256"),
      ("send host --connections 257", "--connections 257: must be 1 to 256"),
      ("send host --connections x", "a number of connections, such as 8, or auto"),
      ("receive --connections 4", "--connections belongs to the side that dials; this one listens"),
      ("send --listen 1 --wait 3", "--wait belongs to the side that dials; this one listens"),
      ("receive --bind eth0", "--bind belongs to the side that dials; this one listens"),
      ("send host --max-connections 0", "--max-connections 0: must be 1 to 256"),
      (
        "send host --connections 9 --max-connections 8",
        "--connections 9 is more than --max-connections 8"
      ),
      ("send host --input x --exec cat", "give either --input or --exec, not both"),
      (
        "send host --memory 4000G",
        "more than 2181038080 bytes of memory cannot be used with frames of 262144 bytes"
      ),
      ("receive --resume", "--resume needs --output with a file or disk"),
      ("receive --verify", "--verify needs --output with a file or disk"),
      ("receive --in-place --exec cat", "--in-place needs --output with a file or disk"),
      ("receive --output x --exec cat", "give either --output or --exec, not both"),
      ("receive --output ''", "--output needs a path; this one is empty"),
      ("receive --output $(printf 'a\\377')", "--output: the path is not in UTF-8"),
      ("receive --exec ''", "--exec needs a command, such as 'zfs send tank/data@now'"),
      ("send host --prefer", "--prefer needs several hosts, in the order of preference"),
      ("send host --dead-after 0.5", "--dead-after: must be at least 1 second"),
      ("send host --limit 0", "--limit: a limit must be 100K to 1000G bits per second"),
      ("receive --limit 1M", "Unknown option '--limit'"),
      ("send host --zerocopy maybe", "Please provide one of 'auto', 'on' or 'off'."),
    ])
    func `a mistake is named`(arguments: String, sentence: String) throws {
      let ended = try braid(arguments)
      #expect(ended.status == 64)
      #expect(ended.text.isEmpty)
      #expect(ended.messages.contains(sentence), "\(ended.messages)")
    }

    @Test(arguments: [
      "K", "-1", "12q", "1.5M", "64 K", "0x10", "99999999999G", "9223372036854775808",
    ])
    func `a size that is none shows what one looks like`(text: String) throws {
      let ended = try braid("send host --memory='\(text)'")
      #expect(ended.status == 64)
      let accepted = "a size is a whole number, with K, M or G for powers of 1024, such as 256K"
      #expect(ended.messages.contains(accepted), "\(ended.messages)")
      #expect(ended.messages.contains("'\(text)'"))
    }

    @Test(arguments: ["M", "-1M", "1.5G", "400Mbit", "400MiB", "99999999999G"])
    func `a rate that is none shows what one looks like`(text: String) throws {
      let ended = try braid("send host --limit='\(text)'")
      #expect(ended.status == 64)
      let accepted =
        "a rate is a whole number of bits per second, with K, M or G for powers of 1000"
      #expect(ended.messages.contains(accepted), "\(ended.messages)")
    }

    @Test(arguments: [
      ("--frame-size 5000", "the frame size must be a multiple of 4 KiB from 4 KiB to 1 MiB"),
      ("--frame-size 2M", "the frame size must be a multiple of 4 KiB from 4 KiB to 1 MiB"),
      ("--frame-size 0", "the frame size must be a multiple of 4 KiB from 4 KiB to 1 MiB"),
      ("--memory 64K", "memory for "),
    ])
    func `sizes that do not fit together are refused`(arguments: String, sentence: String) throws {
      let ended = try braid("receive \(arguments)")
      #expect(ended.status == 64)
      #expect(ended.messages.contains(sentence), "\(ended.messages)")
    }

    @Test(arguments: ["x", "-1", "1s", "1e9", "nan", "99999999999"])
    func `a time that is none shows what one looks like`(text: String) throws {
      let ended = try braid("send host --wait='\(text)'")
      #expect(ended.status == 64)
      #expect(ended.messages.contains("a time is a number of seconds, such as 30 or 0.5"))
    }

    @Test(arguments: [
      "", ":", "host:", "host:0", "host:65536", "host:x", ":5000", "[::1", "[::1]x", "[::1]:",
      "[host]:1", "a:b:z", "two words", "http://host",
    ])
    func `a host that is none shows what one looks like`(text: String) throws {
      let ended = try braid("send '\(text)'")
      #expect(ended.status == 64)
      #expect(ended.messages.contains("expected HOST[:PORT], such as newserver"))
    }

    @Test(arguments: ["0", "65536", "host", "127.0.0.1", "::1", "[::1]", ":5000", "-5"])
    func `a place to listen that is none shows what one looks like`(text: String) throws {
      let ended = try braid("receive --listen='\(text)'")
      #expect(ended.status == 64)
      #expect(ended.messages.contains("expected [ADDRESS:]PORT, such as 27243"))
    }

    @Test(arguments: [
      "--help", "send --help", "receive --help", "bench --help", "doctor --help", "key --help",
    ])
    func `help is what was recorded`(arguments: String) throws {
      let ended = try braid(arguments)
      #expect(ended.status == 0)
      #expect(ended.messages.isEmpty)
      let name = "help \(arguments)".split(separator: " ").dropLast().joined(separator: "-")
      let file = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "Help/\(name).txt")
      if ProcessInfo.processInfo.environment["RECORD"] != nil {
        try ended.output.write(to: file)
      }
      #expect(ended.text == (try? String(contentsOf: file, encoding: .utf8)))
    }

    @Test(arguments: ["--help", "send --help", "receive --help", "bench --help", "doctor --help"])
    func `help fits on three screens of 80 columns`(arguments: String) throws {
      let lines = try braid(arguments).text.split(separator: "\n", omittingEmptySubsequences: false)
      #expect(lines.count <= 72)
      #expect(lines.allSatisfy { $0.count <= 80 })
    }

    @Test func `recv is receive`() throws {
      #expect(try braid("recv --help").text == braid("receive --help").text)
    }

    @Test func `the version is printed`() throws {
      let ended = try braid("--version")
      #expect(ended.status == 0)
      #expect(ended.text.wholeMatch(of: /braid \d+\.\d+\.\d+ \(protocol 1\)\n/) != nil)
    }
  }
}
