//! Names of fields that promise personal data.

use crate::generic::family;
use crate::rule::Rule;

/// Lower-case parts of such names, at least one in each.
pub(crate) const STEMS: &[&str] = &[
    "phone",
    "telefon",
    "mobile",
    "birth",
    "passport",
    "first_name",
    "firstname",
    "last_name",
    "lastname",
    "surname",
    "full_name",
    "fullname",
    "maiden",
    "street",
    "postal",
    "zipcode",
    "zip_code",
    "home_address",
    "homeaddress",
    "billing_address",
    "billingaddress",
    "shipping_address",
    "shippingaddress",
    "tax_id",
    "taxid",
    "national_id",
    "nationalid",
    "_ssn",
    "\"ssn",
    "ssn=",
    "ssn:",
    "dob=",
    "dob:",
    "dob\"",
    "driver_lic",
    "driverlic",
    "salary",
    "diagnosis",
    "patient",
    "iban",
    "insurance",
];

/// Last words of names, glued together, whose values are about a person.
const FIELDS: &[&str] = &[
    "phone",
    "phonenumber",
    "telephone",
    "telefon",
    "mobile",
    "mobilenumber",
    "mobilephone",
    "cellphone",
    "birthday",
    "birthdate",
    "dateofbirth",
    "birthdateiso",
    "passport",
    "passportnumber",
    "passportno",
    "firstname",
    "lastname",
    "surname",
    "fullname",
    "maidenname",
    "mothersmaidenname",
    "street",
    "streetaddress",
    "postalcode",
    "postaladdress",
    "zipcode",
    "homeaddress",
    "billingaddress",
    "shippingaddress",
    "taxid",
    "nationalid",
    "ssn",
    "dob",
    "driverlicense",
    "driverslicense",
    "driverlicensenumber",
    "salary",
    "diagnosis",
    "patientname",
    "patientid",
    "iban",
    "insurancenumber",
    "placeofbirth",
];

/// The family, if `name` promises personal data.
pub(crate) fn field(name: &str) -> Option<&'static Rule> {
    let last = name.rsplit('.').next().unwrap_or(name);
    let glued: String = last.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    let holds = FIELDS.iter().any(|f| glued == *f || (f.len() >= 7 && glued.ends_with(f)))
        || ["userphone", "customerphone", "contactphone", "homephone", "workphone"].contains(&glued.as_str());
    holds.then(|| family("personal.field"))
}
