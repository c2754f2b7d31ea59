/// Numbers as people read them; amounts are binary, rates are decimal bits.
enum Figures {
  /// "1.23 GiB", "12.3 KiB", "17 bytes".
  static func amount(_ byteCount: UInt64) -> String {
    if byteCount == 1 { return "1 byte" }
    return scaled(
      Double(byteCount),
      units: ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB"],
      step: 1024
    )
  }

  /// "1.23 GiB (1320702443 bytes)"; below 1 KiB the exact count alone.
  static func exactAmount(_ byteCount: UInt64) -> String {
    byteCount < 1024 ? amount(byteCount) : "\(amount(byteCount)) (\(byteCount) bytes)"
  }

  /// "9.41 Gbit/s"; bits are decimal.
  static func rate(bytes: UInt64, in duration: Duration) -> String {
    let time = seconds(duration)
    return rate(bitsPerSecond: time > 0 ? Double(bytes) * 8 / time : 0)
  }

  /// The same from bits per second.
  static func rate(bitsPerSecond bits: Double) -> String {
    scaled(bits, units: ["bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"], step: 1000)
  }

  /// "0.034 s", "12.3 s", "3:07 min", "1:02:03 h".
  static func time(_ duration: Duration) -> String {
    let exact = seconds(duration)
    if exact < 1 { return "\(decimals(exact, 3)) s" }
    if exact < 60 { return "\(threeDigits(exact)) s" }
    return "\(clock(duration)) \(exact < 3600 ? "min" : "h")"
  }

  /// A time as it was asked for: "30 s", "0.5 s".
  static func limit(_ duration: Duration) -> String {
    var text = decimals(seconds(duration), 3)
    while text.hasSuffix("0") { text.removeLast() }
    if text.hasSuffix(".") { text.removeLast() }
    return "\(text) s"
  }

  /// "0:07", "3:07", "1:02:03".
  static func clock(_ duration: Duration) -> String {
    let whole = Int(seconds(duration).rounded())
    let (hours, minutes, rest) = (whole / 3600, whole / 60 % 60, whole % 60)
    return hours == 0
      ? "\(minutes):\(padded(rest, 2))" : "\(hours):\(padded(minutes, 2)):\(padded(rest, 2))"
  }

  /// "1 connection", "4 connections".
  static func count(_ number: Int, _ noun: String) -> String {
    "\(number) \(noun)\(number == 1 ? "" : "s")"
  }

  /// The number with so many digits after the point, 0...6.
  static func decimals(_ value: Double, _ places: Int) -> String {
    var scale = 1
    for _ in 0..<places { scale *= 10 }
    // The peer's numbers may be anything: too large a one is shown as the largest there is.
    let whole = Int(exactly: (value * Double(scale)).rounded()) ?? .max
    guard places > 0 else { return "\(whole)" }
    return "\(whole / scale).\(padded(whole % scale, places))"
  }

  /// Seconds with their fraction.
  static func seconds(_ duration: Duration) -> Double {
    let parts = duration.components
    return Double(parts.seconds) + Double(parts.attoseconds) * 1e-18
  }

  private static func scaled(_ value: Double, units: [String], step: Double) -> String {
    var value = value
    var index = 0
    // 999.5 would be printed as 1000 of the smaller unit.
    while value >= step - 0.5, index + 1 < units.count {
      value /= step
      index += 1
    }
    return "\(index == 0 ? decimals(value, 0) : threeDigits(value)) \(units[index])"
  }

  private static func threeDigits(_ value: Double) -> String {
    decimals(value, value < 9.995 ? 2 : value < 99.95 ? 1 : 0)
  }

  private static func padded(_ number: Int, _ width: Int) -> String {
    let digits = "\(number)"
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }
}
