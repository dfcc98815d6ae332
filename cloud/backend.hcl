bucket = "example-rowhouse-state"
key    = "rowhouse.tfstate"
region = "fr-par"

endpoints                   = { s3 = "https://s3.fr-par.scw.cloud" }
use_lockfile                = true
skip_credentials_validation = true
skip_metadata_api_check     = true
skip_region_validation      = true
skip_requesting_account_id  = true
