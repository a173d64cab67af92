//! What stands between the evidence API and the database: the pipeline's own walls, by the plan in force.

use std::sync::Arc;

use exhibit_pipeline::{NotAdmitted, Offered, Service, admit, masked};
use exhibit_web::intake::{Intake, NotTaken, Offer};

/// Masks and examines by the running service's world, as it is at that moment.
pub(crate) struct Walls(pub(crate) Arc<Service>);

impl Intake for Walls {
    fn masked(&self, text: &str) -> String {
        masked(&self.0.world().engine, text)
    }

    fn admit(&self, offer: Offer) -> Result<String, NotTaken> {
        let Offer { job, key, host, observation, received } = offer;
        match admit(&self.0.world(), Offered { job, key, host, observation, received }) {
            Ok(admitted) => Ok(admitted.content),
            Err(NotAdmitted::NoJob(_)) => Err(NotTaken::NoJob),
            Err(NotAdmitted::Refused(why)) => Err(NotTaken::Refused(why)),
        }
    }
}
