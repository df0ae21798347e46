//! A small valid JPEG that falls from the dice: grey squares of eight pixels, about as many bytes as a photo's thumbnail has.

use crate::dice::Dice;

/// In squares.
const WIDE: u16 = 100;
const HIGH: u16 = 80;
/// A square's shade is written as it is: 8 × the shade is what the cosine transform makes of it.
const STEP: u8 = 8;
/// Huffman codes for how many bits a difference of shades has, 0 to 8: each four bits long.
const SIZES: u8 = 9;

pub fn mosaic(dice: &mut Dice) -> Vec<u8> {
    let mut jpeg = vec![0xff, 0xd8];
    segment(&mut jpeg, 0xdb, &[&[0][..], &[STEP; 64][..]].concat());
    let (high, wide) = ((8 * HIGH).to_be_bytes(), (8 * WIDE).to_be_bytes());
    segment(&mut jpeg, 0xc0, &[&[8][..], &high[..], &wide[..], &[1, 1, 0x11, 0][..]].concat());
    let symbols: Vec<u8> = (0..SIZES).collect();
    segment(&mut jpeg, 0xc4, &[&[0x00][..], &codes_of_length(4, SIZES)[..], &symbols[..]].concat());
    // Behind the shade nothing follows: the one code of the other table says so, with one bit.
    segment(&mut jpeg, 0xc4, &[&[0x10][..], &codes_of_length(1, 1)[..], &[0][..]].concat());
    segment(&mut jpeg, 0xda, &[1, 1, 0x00, 0, 63, 0]);
    let mut bits = Bits { out: jpeg, byte: 0, filled: 0 };
    let mut before = 0;
    for _ in 0..u32::from(WIDE) * u32::from(HIGH) {
        let shade = dice.below(201) as i32 - 100;
        bits.put_difference(shade - before);
        bits.put(0, 1);
        before = shade;
    }
    bits.end()
}

fn segment(jpeg: &mut Vec<u8>, marker: u8, body: &[u8]) {
    jpeg.extend_from_slice(&[0xff, marker]);
    jpeg.extend_from_slice(&(body.len() as u16 + 2).to_be_bytes());
    jpeg.extend_from_slice(body);
}

/// How many codes there are of each length, 1 to 16 bits.
fn codes_of_length(length: usize, count: u8) -> [u8; 16] {
    std::array::from_fn(|at| if at + 1 == length { count } else { 0 })
}

struct Bits {
    out: Vec<u8>,
    byte: u8,
    filled: u8,
}

impl Bits {
    fn put(&mut self, value: u32, length: u32) {
        for at in (0..length).rev() {
            self.byte = (self.byte << 1) | u8::from((value >> at) & 1 == 1);
            self.filled += 1;
            if self.filled == 8 {
                self.out.push(self.byte);
                // Else it would read as a marker.
                if self.byte == 0xff {
                    self.out.push(0);
                }
                (self.byte, self.filled) = (0, 0);
            }
        }
    }

    /// Its size, then its bits; a negative one counts from the lowest of its size.
    fn put_difference(&mut self, difference: i32) {
        let size = u32::BITS - difference.unsigned_abs().leading_zeros();
        let bits = if difference < 0 { difference + (1 << size) - 1 } else { difference };
        self.put(size, 4);
        self.put(bits.unsigned_abs(), size);
    }

    fn end(mut self) -> Vec<u8> {
        while self.filled != 0 {
            self.put(1, 1);
        }
        self.out.extend_from_slice(&[0xff, 0xd9]);
        self.out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::photo::{MediaType, clean};

    #[test]
    fn a_mosaic_is_a_picture_that_the_product_takes_as_it_is() -> Result<(), record::photo::PhotoError> {
        let mut dice = Dice::new(3);
        let (one, other) = (mosaic(&mut dice), mosaic(&mut dice));
        let cleaned = clean(&one)?;
        assert!(cleaned.media_type == MediaType::Jpeg && cleaned.bytes == one);
        assert_ne!(one, other);
        assert!((8_000..20_000).contains(&one.len()), "{} B", one.len());
        Ok(())
    }
}
