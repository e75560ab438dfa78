//! Files that were cut short or changed on their way.

use provider_api::host::{PluginRefusal, Trust};

use super::presented::{folder, pin_of, refusal, stripped, written};

/// The step between two lengths to which a file is cut, in bytes: what file systems lose is whole blocks.
const STEP: usize = 4 * 1024;
/// How many times one bit is flipped.
const FLIPS: usize = 200;

#[tokio::test]
async fn a_stripped_plugin_is_refused_at_every_length_it_can_be_cut_to() {
    let folder = folder();
    let whole = stripped();
    let lengths: Vec<usize> = (0..whole.len()).step_by(STEP).chain([1, 63, 64, whole.len() - 1]).collect();
    for &length in &lengths {
        let path = written(folder.path(), "cut.so", &whole[..length]);
        let (kind, line) = refusal(&path, &Trust::developer()).await;
        assert!(matches!(kind, PluginRefusal::Damaged | PluginRefusal::NoPlugin), "{length}: {line}");
    }
    println!("cut to {} lengths of {} bytes: all refused", lengths.len(), whole.len());
}

#[tokio::test]
async fn a_pinned_plugin_is_refused_with_any_bit_flipped() {
    let folder = folder();
    let trust = Trust::strict(pin_of(&written(folder.path(), "whole.so", stripped())));
    let seed = fastrand::u64(..);
    let mut random = fastrand::Rng::with_seed(seed);
    for _ in 0..FLIPS {
        let mut bytes = stripped().to_vec();
        let (position, bit) = (random.usize(..bytes.len()), random.u32(..8));
        bytes[position] ^= 1 << bit;
        let path = written(folder.path(), "flipped.so", &bytes);
        let (_, line) = refusal(&path, &trust).await;
        // The first six bytes are looked at before the rest is read.
        assert!(position < 6 || line.contains("SHA-256"), "seed {seed}, bit {bit} of byte {position}: {line}");
    }
}
