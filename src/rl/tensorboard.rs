//! TensorBoard's event files, written by hand: records framed as in TFRecord, each a protobuf `Event`.
//!
//! ```text
//! record = length (u64) · mask(CRC-32C of length) (u32) · data · mask(CRC-32C of data) (u32), all little-endian
//! mask(c) = rotate_right(c, 15) + 0xa282ead8
//! Event  = 1: wall_time double, 2: step int64, 3: file_version string | 5: Summary | 7: SessionLog
//! Summary = 1: Value*;  Value = 1: tag string, 2: simple_value float;  SessionLog = 1: status enum (1 is START)
//! ```
//! Sources: `record_writer.h`, `event.proto` and `summary.proto` of TensorFlow.

use std::io::{self, Write};

/// An event file in the making.
#[derive(Debug)]
pub struct Events<W> {
    out: W,
}

impl<W: Write> Events<W> {
    /// Begins a file whose scalars come after `step`; `wall_s` is the time now in seconds since 1970. Readers drop what
    /// earlier files of the same directory say of later steps.
    ///
    /// # Errors
    /// The writer fails.
    pub fn begin(out: W, wall_s: f64, step: u64) -> io::Result<Self> {
        let mut events = Self { out };
        events.event(wall_s, 0, &Message::default().bytes(3, b"brain.Event:2"))?;
        events.event(wall_s, step + 1, &Message::default().bytes(7, &Message::default().varint(1, 1).0))?;
        Ok(events)
    }

    /// Adds scalars of `step` by their tags, and flushes.
    ///
    /// # Errors
    /// The writer fails.
    pub fn scalars(&mut self, wall_s: f64, step: u64, scalars: &[(String, f64)]) -> io::Result<()> {
        let value = |message: Message, (tag, value): &(String, f64)| {
            message.bytes(1, &Message::default().bytes(1, tag.as_bytes()).float(2, *value as f32).0)
        };
        let summary = scalars.iter().fold(Message::default(), value);
        self.event(wall_s, step, &Message::default().bytes(5, &summary.0))
    }

    fn event(&mut self, wall_s: f64, step: u64, what: &Message) -> io::Result<()> {
        let mut event = Message::default().double(1, wall_s).varint(2, step).0;
        event.extend_from_slice(&what.0);
        let length = (event.len() as u64).to_le_bytes();
        self.out.write_all(&length)?;
        self.out.write_all(&mask(crc32c(&length)).to_le_bytes())?;
        self.out.write_all(&event)?;
        self.out.write_all(&mask(crc32c(&event)).to_le_bytes())?;
        self.out.flush()
    }
}

/// A protobuf message. Numbers that are 0 are left out where they stand for an absent field.
#[derive(Debug, Default)]
struct Message(Vec<u8>);

impl Message {
    fn key(&mut self, field: u8, wire: u8) {
        self.0.push(field << 3 | wire);
    }

    fn number(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn varint(mut self, field: u8, value: u64) -> Self {
        if value > 0 {
            self.key(field, 0);
            self.number(value);
        }
        self
    }

    fn double(mut self, field: u8, value: f64) -> Self {
        self.key(field, 1);
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    fn bytes(mut self, field: u8, value: &[u8]) -> Self {
        self.key(field, 2);
        self.number(value.len() as u64);
        self.0.extend_from_slice(value);
        self
    }

    fn float(mut self, field: u8, value: f32) -> Self {
        self.key(field, 5);
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }
}

/// Castagnoli's polynomial, bits reversed.
const POLYNOMIAL: u32 = 0x82f6_3b78;

const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ POLYNOMIAL } else { crc >> 1 };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};

/// CRC-32C (RFC 3720, appendix B.4).
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| crc >> 8 ^ TABLE[usize::from(crc as u8 ^ byte)])
}

/// A CRC of data that holds CRCs is weak; this makes it another number.
fn mask(crc: u32) -> u32 {
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_rfc_3720() {
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
        let rising: Vec<u8> = (0..32).collect();
        assert_eq!(crc32c(&rising), 0x46dd_794e);
    }

    // The bytes that tensorboard 2.21.0 (protobuf 7.36.2) writes, and reads back:
    //   from tensorboard.compat.proto.event_pb2 import Event, SessionLog
    //   from tensorboard.compat.proto.summary_pb2 import Summary
    //   from tensorboard.summary.writer.record_writer import RecordWriter
    //   f = io.BytesIO(); w = RecordWriter(f); value = Summary.Value
    //   w.write(Event(wall_time=1700000000.5, file_version='brain.Event:2').SerializeToString())
    //   w.write(Event(wall_time=1700000000.5, step=1,
    //                 session_log=SessionLog(status=SessionLog.START)).SerializeToString())
    //   w.write(Event(wall_time=1700000001.25, step=300, summary=Summary(value=[
    //       value(tag='rollout/return', simple_value=-2.5),
    //       value(tag='train/entropy', simple_value=0.0)])).SerializeToString())
    //   print(f.getvalue().hex())
    const BYTES: &str = "1800000000000000a37f4b220900002040fc54d9411a0d627261696e2e4576656e743a322b3531100f000000000000\
        006d532b090900002040fc54d94110013a020801e50ad8693b000000000000001a23ac5c0900005040fc54d94110ac022a2d0a150a0e72\
        6f6c6c6f75742f72657475726e15000020c00a140a0d747261696e2f656e74726f70791500000000cab54ba6";

    #[test]
    fn the_bytes_are_those_of_tensorboards_own_writer() {
        let mut events = Events::begin(Vec::new(), 1_700_000_000.5, 0).unwrap();
        let scalars = [("rollout/return".to_owned(), -2.5), ("train/entropy".to_owned(), 0.0)];
        events.scalars(1_700_000_001.25, 300, &scalars).unwrap();
        let hex: String = events.out.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, BYTES);
    }
}
