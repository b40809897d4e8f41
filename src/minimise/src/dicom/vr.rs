//! Value representations, PS3.5 section 6.2.

macro_rules! representations {
    ($($name:ident $says:literal;)+) => {
        /// What kind of value an element has.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Vr {
            $(#[doc = $says] $name,)+
        }

        impl Vr {
            /// Every one.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The two letters.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)+ }
            }
        }
    };
}

representations! {
    AE "Application Entity"; AS "Age String"; AT "Attribute Tag"; CS "Code String"; DA "Date"; DS "Decimal String";
    DT "Date Time"; FD "Floating Point Double"; FL "Floating Point Single"; IS "Integer String"; LO "Long String";
    LT "Long Text"; OB "Other Byte"; OD "Other Double"; OF "Other Float"; OL "Other Long"; OV "Other Very Long";
    OW "Other Word"; PN "Person Name"; SH "Short String"; SL "Signed Long"; SQ "Sequence of Items"; SS "Signed Short";
    ST "Short Text"; SV "Signed Very Long"; TM "Time"; UC "Unlimited Characters"; UI "Unique Identifier";
    UL "Unsigned Long"; UN "Unknown"; UR "URI"; US "Unsigned Short"; UT "Unlimited Text"; UV "Unsigned Very Long";
}

impl Vr {
    /// The one of these two letters. Lower case is none.
    pub fn from_letters(letters: [u8; 2]) -> Option<Self> {
        Some(match &letters {
            b"AE" => Self::AE,
            b"AS" => Self::AS,
            b"AT" => Self::AT,
            b"CS" => Self::CS,
            b"DA" => Self::DA,
            b"DS" => Self::DS,
            b"DT" => Self::DT,
            b"FD" => Self::FD,
            b"FL" => Self::FL,
            b"IS" => Self::IS,
            b"LO" => Self::LO,
            b"LT" => Self::LT,
            b"OB" => Self::OB,
            b"OD" => Self::OD,
            b"OF" => Self::OF,
            b"OL" => Self::OL,
            b"OV" => Self::OV,
            b"OW" => Self::OW,
            b"PN" => Self::PN,
            b"SH" => Self::SH,
            b"SL" => Self::SL,
            b"SQ" => Self::SQ,
            b"SS" => Self::SS,
            b"ST" => Self::ST,
            b"SV" => Self::SV,
            b"TM" => Self::TM,
            b"UC" => Self::UC,
            b"UI" => Self::UI,
            b"UL" => Self::UL,
            b"UN" => Self::UN,
            b"UR" => Self::UR,
            b"US" => Self::US,
            b"UT" => Self::UT,
            b"UV" => Self::UV,
            _ => return None,
        })
    }

    /// Whether its length is written in 32 bits also where the representation is written (PS3.5 table 7.1-1).
    pub const fn has_long_length(self) -> bool {
        matches!(
            self,
            Self::OB
                | Self::OD
                | Self::OF
                | Self::OL
                | Self::OV
                | Self::OW
                | Self::SQ
                | Self::SV
                | Self::UC
                | Self::UN
                | Self::UR
                | Self::UT
                | Self::UV
        )
    }

    /// Whether it is bytes or numbers without end, which nobody reads as a text.
    pub const fn is_bulk(self) -> bool {
        matches!(self, Self::OB | Self::OD | Self::OF | Self::OL | Self::OV | Self::OW)
    }

    /// Whether it may be long without being bulk.
    pub(super) const fn is_unlimited(self) -> bool {
        matches!(self, Self::UC | Self::UN | Self::UR | Self::UT)
    }

    /// Whether it is characters.
    pub const fn is_text(self) -> bool {
        self.has_character_sets() || self.has_default_characters()
    }

    /// Whether (0008,0005) says how its characters are written (PS3.5 section 6.1.2.2).
    pub const fn has_character_sets(self) -> bool {
        matches!(self, Self::LO | Self::LT | Self::PN | Self::SH | Self::ST | Self::UC | Self::UT)
    }

    /// Whether its characters are those of the default repertoire, whatever (0008,0005) says.
    pub const fn has_default_characters(self) -> bool {
        matches!(
            self,
            Self::AE
                | Self::AS
                | Self::CS
                | Self::DA
                | Self::DS
                | Self::DT
                | Self::IS
                | Self::TM
                | Self::UI
                | Self::UR
        )
    }

    /// Whether a backslash in it is a character of its one value, and does not part values.
    pub const fn is_one_value(self) -> bool {
        matches!(self, Self::LT | Self::ST | Self::UR | Self::UT)
    }

    /// What fills a value up to an even length.
    pub const fn padding(self) -> u8 {
        if self.is_text() && !matches!(self, Self::UI) { b' ' } else { 0 }
    }
}
