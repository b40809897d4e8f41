//! The image bank's part of a playground: its stand-in, its settings, and images to try with, made up.

use std::collections::BTreeMap;
use std::io;

use identity::example::ExamplePki;

use super::{Choices, WORKER, anywhere, image_bank_stand_in};
use clearance::clock::{Clock, SystemClock};

/// Its name in settings and certificates.
pub(super) const NAME: &str = "image-bank";

pub(super) fn start(pki: &ExamplePki, choices: &Choices) -> io::Result<image_bank_stand_in::StandIn> {
    let server = pki.destination_server(NAME);
    image_bank_stand_in::StandIn::start(image_bank_stand_in::Settings {
        endpoint: image_bank_stand_in::Endpoint {
            listen: anywhere(),
            admin: choices.admin.then(anywhere),
            server_certificate_pem: std::fs::read(server.chain)?,
            server_key_pem: std::fs::read(server.key)?,
            client_ca_pem: std::fs::read(pki.partner_authorities())?,
            now: std::sync::Arc::new(|| SystemClock.now()),
        },
    })
}

/// Settings of the destination and its peer, in TOML; [`Choices::image_bank`] is another one than the stand-in.
pub(super) fn settings(stand_in: &image_bank_stand_in::StandIn, choices: &Choices) -> String {
    let here = format!("https://{}", stand_in.address());
    let origin = choices.image_bank.as_deref().unwrap_or(&here);
    format!(
        r#"
[peers.image-bank]
origin = "{origin}"
ca = "certs/authority/partners.crt"
certificate = "certs/destinations/image-bank/client/tls.crt"
key = "certs/destinations/image-bank/client/tls.key"

[destinations.image-bank]
adapter = "image-bank"
peer = "image-bank"
url = "{origin}/dicom-web"
batch_instances_max = {batch}
"#,
        batch = choices.image_bank_batch.unwrap_or(100),
    )
}

/// An image as a scanner might make it, of a person who does not exist: a DICOM file, explicit and little-endian.
#[derive(Debug, Clone)]
pub struct Image(BTreeMap<u32, (&'static str, Vec<u8>)>);

impl Image {
    /// The image `number` of a study of [`WORKER`]: 64 by 64 pixels without text. Its address, telephone, comments and a private
    /// note are not for the image bank.
    pub fn of_worker(number: u32) -> Self {
        const PIXELS: u16 = 64;
        let instance = format!("1.2.826.0.1.3680043.10.999.1.{number}");
        let text = [
            (0x0008_0005, "CS", "ISO_IR 192"),
            (0x0008_0008, "CS", "ORIGINAL\\PRIMARY\\AXIAL"),
            (0x0008_0016, "UI", "1.2.840.10008.5.1.4.1.1.2"),
            (0x0008_0018, "UI", &instance),
            (0x0008_0020, "DA", "20261120"),
            (0x0008_0030, "TM", "101500"),
            (0x0008_0050, "SH", "A-2026-77"),
            (0x0008_0060, "CS", "CT"),
            (0x0008_0080, "LO", "Näidiskliinik"),
            (0x0008_0090, "PN", "Mets^Mari"),
            (0x0008_1030, "LO", "Rindkere KT"),
            (0x0010_0010, "PN", "Maasikas^Mari"),
            (0x0010_0020, "LO", WORKER.code),
            (0x0010_0030, "DA", "19900312"),
            (0x0010_0040, "CS", "F"),
            (0x0010_1040, "LO", "Kase 1, Tartu"),
            (0x0010_2154, "SH", "55512345"),
            (0x0010_4000, "LT", "kardab kitsast ruumi"),
            (0x0018_0060, "DS", "120"),
            (0x0019_0010, "LO", "SCANNER PRIVATE"),
            (0x0019_1001, "LO", "töökoht: Tehas OÜ"),
            (0x0020_000d, "UI", "1.2.826.0.1.3680043.10.999"),
            (0x0020_000e, "UI", "1.2.826.0.1.3680043.10.999.1"),
            (0x0020_0010, "SH", "77"),
            (0x0020_0013, "IS", &number.to_string()),
            (0x0028_0004, "CS", "MONOCHROME2"),
            (0x0028_0301, "CS", "NO"),
            (0x0028_1052, "DS", "-1024"),
            (0x0028_1053, "DS", "1"),
        ];
        let numbers = [
            (0x0028_0002, 1),
            (0x0028_0010, PIXELS),
            (0x0028_0011, PIXELS),
            (0x0028_0100, 16),
            (0x0028_0101, 12),
            (0x0028_0102, 11),
            (0x0028_0103, 0),
        ];
        let pixel = |place: u32| ((place * 7 + number * 13) % 4096) as u16;
        let pixels = (0..u32::from(PIXELS) * u32::from(PIXELS)).flat_map(|place| pixel(place).to_le_bytes());
        let mut image = Self(BTreeMap::from([(0x7fe0_0010, ("OW", pixels.collect()))]));
        for (tag, vr, value) in text {
            image = image.with(tag, vr, value.as_bytes());
        }
        numbers
            .into_iter()
            .fold(image, |image, (tag, value): (_, u16)| image.with(tag, "US", &value.to_le_bytes()))
    }

    /// With this value of an element, whether there was one or not.
    #[must_use]
    pub fn with(mut self, tag: u32, vr: &'static str, value: &[u8]) -> Self {
        self.0.insert(tag, (vr, value.to_vec()));
        self
    }

    /// The file.
    pub fn file(&self) -> Vec<u8> {
        let value = |tag: u32| self.0.get(&tag).map(|(_, value)| value.clone()).unwrap_or_default();
        let mut meta = Vec::new();
        put(&mut meta, 0x0002_0001, "OB", &[0, 1]);
        put(&mut meta, 0x0002_0002, "UI", &value(0x0008_0016));
        put(&mut meta, 0x0002_0003, "UI", &value(0x0008_0018));
        put(&mut meta, 0x0002_0010, "UI", b"1.2.840.10008.1.2.1");
        put(&mut meta, 0x0002_0012, "UI", b"1.2.826.0.1.3680043.10.999.9");
        let mut file = [[0; 128].as_slice(), b"DICM"].concat();
        put(&mut file, 0x0002_0000, "UL", &u32::try_from(meta.len()).unwrap_or_default().to_le_bytes());
        file.extend(meta);
        for (tag, (vr, value)) in &self.0 {
            put(&mut file, *tag, vr, value);
        }
        file
    }
}

/// Appends an element, padded to an even length.
fn put(file: &mut Vec<u8>, tag: u32, vr: &str, value: &[u8]) {
    let pad = match vr {
        "UI" | "OB" | "OW" => 0,
        _ => b' ',
    };
    let length = value.len().next_multiple_of(2);
    for half in [tag >> 16, tag & 0xffff] {
        file.extend(u16::try_from(half).unwrap_or_default().to_le_bytes());
    }
    file.extend(vr.as_bytes());
    match vr {
        "OB" | "OW" | "SQ" | "UN" | "UT" => {
            file.extend([0, 0]);
            file.extend(u32::try_from(length).unwrap_or_default().to_le_bytes());
        }
        _ => file.extend(u16::try_from(length).unwrap_or_default().to_le_bytes()),
    }
    file.extend(value);
    file.resize(file.len() + length - value.len(), pad);
}
