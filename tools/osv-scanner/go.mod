module rowhouse.invalid/osv-scanner

go 1.26.8
