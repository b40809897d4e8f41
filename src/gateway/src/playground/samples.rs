//! Documents and declarations to try with; all made up.

pub use super::image_bank::Image;

/// The declaration of an image for the image bank.
pub const TO_IMAGE_BANK: &str = include_str!("../../../../tests/fixtures/image-declaration.json");
/// An occupational health certificate with findings in every free text, as certificates come.
pub const OCCUPATIONAL: &str = include_str!("../../../../tests/fixtures/occupational-certificate.json");
/// Its declaration for the employer.
pub const TO_EMPLOYER: &str = include_str!("../../../../tests/fixtures/occupational-declaration.json");
/// An ambulatory epicrisis, as a CDA document.
pub const EPICRISIS: &str = include_str!("../../../../tests/fixtures/ambulatory-epicrisis.xml");
/// Its declaration for the patient portal.
pub const TO_PATIENT_PORTAL: &str =
    include_str!("../../../../tests/fixtures/ambulatory-epicrisis-declaration.json");
/// A driver's health certificate; it names its subject by index id only.
pub const DRIVER: &str = include_str!("../../../../tests/fixtures/driver-certificate.json");
/// A prescription.
pub const PRESCRIPTION: &str = include_str!("../../../../tests/fixtures/prescription.json");
/// Its declaration for the prescription centre.
pub const TO_PRESCRIPTION_CENTRE: &str =
    include_str!("../../../../tests/fixtures/prescription-declaration.json");
/// Its declaration for the Transport Administration.
pub const TO_TRANSPORT_ADMINISTRATION: &str =
    include_str!("../../../../tests/fixtures/driver-declaration.json");
/// A treatment bill with more about the patient than the fund is told.
pub const TREATMENT_BILL: &str = include_str!("../../../../tests/fixtures/treatment-bill.xml");
/// Its declaration for the Health Insurance Fund.
pub const TO_HEALTH_INSURANCE_FUND: &str =
    include_str!("../../../../tests/fixtures/treatment-bill-declaration.json");
